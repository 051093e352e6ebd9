import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { root } from "../packages.js";

// Without the binaries of another system in the lockfile, nobody can build there.

/** The packages that installed ones take along where they fit the system, of the versions they name: `name@version`. */
function optional(): string[] {
  const store = `${root}node_modules/.pnpm`;
  const manifests = readdirSync(store).map((folder) => {
    const name = folder.replace(/(?<=.)@.*/, "").replace("+", "/");
    return `${store}/${folder}/node_modules/${name}/package.json`;
  });
  return manifests.filter(existsSync).flatMap((file) => {
    const { optionalDependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
    return Object.entries(optionalDependencies).map((entry) => entry.join("@"));
  });
}

test("the lockfile has the binaries of every system", () => {
  const lockfile = readFileSync(`${root}pnpm-lock.yaml`, "utf8");
  const exact = optional().filter((one) => /@\d[^@]*$/.test(one));
  for (const tool of ["@turbo", "@biomejs/cli", "@esbuild", "@rollup/rollup"]) {
    expect(exact).toContainEqual(expect.stringMatching(`^${tool}.*darwin-arm64@`));
  }
  expect(exact.filter((one) => !new RegExp(`^  '?${one}'?:`, "m").test(lockfile))).toEqual([]);
});
