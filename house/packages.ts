import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

export interface Manifest {
  name: string;
  private?: boolean;
  exports: Record<string, Record<string, string>>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  publishConfig?: { access?: string; provenance?: boolean };
}

export interface Package {
  folder: string;
  manifest: Manifest;
  published: boolean;
}

/** Every folder of `packages/`, as its own manifest describes it. */
export const packages: Package[] = readdirSync(`${root}packages`)
  .map((name) => `packages/${name}`)
  .map((folder) => {
    const manifest: Manifest = JSON.parse(readFileSync(`${root}${folder}/package.json`, "utf8"));
    return { folder, manifest, published: manifest.private !== true };
  });
