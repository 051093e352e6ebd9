import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import ts from "typescript";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

// What a reader of the README sees first does what it says.

const root = join(import.meta.dirname, "../../..");
let sample = "";
let folder = "";

beforeAll(async () => {
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
  sample = /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? "";
  // inside the package, where its own name leads to its sources
  folder = await mkdtemp(join(import.meta.dirname, ".sample-"));
});

afterAll(() => rm(folder, { recursive: true }));

test("the README's sample is short and has the right types", { timeout: 60_000 }, async () => {
  expect(sample.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  const file = join(folder, "types.ts");
  await writeFile(file, sample);
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([file], { ...options, noUnusedLocals: true });
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  expect(problems).toEqual([]);
  // it was read, and its types were known
  expect(program.getSourceFile(file)?.statements.length).toBeGreaterThan(5);
});

test("the README's sample tells what becomes of its session, whose key goes with it", async () => {
  // its own: the names are the sample's, and its one lease is revoked
  await using server = await startEtcd({ own: true });
  const client = server.client();
  const [endpoint = ""] = server.endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const file = join(folder, "run.ts");
  await writeFile(file, sample.replace("127.0.0.1:2379", endpoint));
  const node = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx"), file];
  const program = spawn(process.execPath, node, { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void program.kill("SIGKILL"));
  let [out, err] = ["", ""];
  program.stdout.on("data", (text) => {
    out += text;
  });
  program.stderr.on("data", (text) => {
    err += text;
  });
  await eventually(() => /^connected \d+/.test(out), { withinMs: 20_000, what: `not "${err}"` });
  expect(await client.get("workers/7").string()).toBe("busy");
  const { leases } = await client.leaseClient.leaseLeases();
  for (const { ID } of leases) await client.leaseClient.leaseRevoke({ ID });
  await eventually(() => program.exitCode === 0, { withinMs: 20_000 });
  expect(out).toMatch(/^connected \d+(\.\d+)?\nexpired 0\n$/);
  expect(err).toContain("SessionExpiredError");
  expect(await client.get("workers/7").exists()).toBe(false);
});
