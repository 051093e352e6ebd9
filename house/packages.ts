import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

export interface Manifest {
  name: string;
  private?: boolean;
  exports: Record<string, Record<string, string>>;
}

export interface Package {
  folder: string;
  manifest: Manifest;
  published: boolean;
}

function under(parent: string): Package[] {
  return readdirSync(`${root}${parent}`)
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(`${root}${folder}/package.json`))
    .map((folder) => {
      const manifest: Manifest = JSON.parse(readFileSync(`${root}${folder}/package.json`, "utf8"));
      return { folder, manifest, published: manifest.private !== true };
    });
}

/** Every folder of `packages/`, as its own manifest describes it. */
export const packages = under("packages");

/** All members of the workspace: the packages and the examples. */
export const members = [...packages, ...under("examples")];
