import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("the README's sample runs as it stands, and is short", async () => {
  const readme = await readFile(join(import.meta.dirname, "..", "README.md"), "utf8");
  const sample = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(sample.trim().split("\n").length).toBeLessThanOrEqual(15);
  // inside the package, so that its dependencies are found
  const folder = await mkdtemp(join(import.meta.dirname, "readme-"));
  try {
    const program = join(folder, "sample.ts");
    await writeFile(program, sample.replace('"@etcdkit/testing"', '"../../src/index.js"'));
    await promisify(execFile)(process.execPath, ["--import", "tsx", program], { timeout: 20_000 });
  } finally {
    await rm(folder, { recursive: true });
  }
});
