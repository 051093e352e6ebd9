import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

// What the global setup does for a whole run of vitest, seen from outside of one: two projects, each with the setup and one test.

// each is a vitest of its own to start
vi.setConfig({ testTimeout: 60_000 });

let folder: string;

const config = `
const project = (name) => ({
  test: { name, include: [name + ".test.ts"], globalSetup: ["../../src/setup.ts"] },
});
export default { test: { projects: ["one", "two"].map(project) } };
`;

const body = `
import { readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "vitest";
import { sharedEtcd } from "../../src/vitest.js";

test("a test", () => {
  const servers = readdirSync(tmpdir()).filter((name) => name.startsWith("etcdkit-"));
  const seen = { endpoints: sharedEtcd().endpoints, servers: servers.length };
  writeFileSync(import.meta.filename + ".json", JSON.stringify(seen));
});
`;

beforeEach(async () => {
  // inside the package, whose vitest and sources it uses
  folder = await mkdtemp(join(import.meta.dirname, ".run-"));
  await writeFile(join(folder, "vitest.config.mjs"), config);
  for (const name of ["one", "two"]) await writeFile(join(folder, `${name}.test.ts`), body);
});
afterEach(() => rm(folder, { recursive: true }));

async function vitest(env: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> {
  const program = join(
    dirname(fileURLToPath(import.meta.resolve("vitest/package.json"))),
    "vitest.mjs",
  );
  const outer = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"));
  const child = spawn(process.execPath, [program, "run", "--root", folder], {
    env: { ...Object.fromEntries(outer), NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}

test("all projects of a run share one server", async () => {
  // a temporary folder of its own, where each server that it starts has its data
  const { code, output } = await vitest({ ETCD_ENDPOINTS: "", TMPDIR: folder });
  expect(code, output).toBe(0);
  const [one, two] = await Promise.all(
    ["one", "two"].map(async (name) =>
      JSON.parse(await readFile(join(folder, `${name}.test.ts.json`), "utf8")),
    ),
  );
  expect(one).toEqual({ endpoints: [expect.stringMatching(/^127\.0\.0\.1:\d+$/)], servers: 1 });
  expect(two).toEqual(one);
});

test("where no etcd can be had the run fails and says why; no test is skipped", async () => {
  const { code, output } = await vitest({
    ETCD_ENDPOINTS: "",
    ETCD_BIN: "",
    ETCD_VERSION: "9.9.9",
    ETCD_DOWNLOAD_BASE: "http://127.0.0.1:1",
    ETCDKIT_CACHE: join(folder, "cache"),
    PATH: join(folder, "no-programs"),
  });
  expect(code).toBeGreaterThan(0);
  expect(output).toContain("no etcd 9.9.9 could be found or fetched. Tried:");
  expect(output).not.toMatch(/skipped|passed/);
});
