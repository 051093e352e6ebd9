import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startEtcd } from "@etcdkit/testing";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const root = join(import.meta.dirname, "../../..");
const HOSTS = '["etcd-1:2379", "etcd-2:2379", "etcd-3:2379"]';
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
  // a sample that imports what it does not use teaches nothing by it
  const program = ts.createProgram([file], { ...options, noUnusedLocals: true });
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  expect(problems).toEqual([]);
  // it was read, and its types were known
  expect(program.getSourceFile(file)?.statements.length).toBe(3);
});

test("the README's sample runs, and writes where it says", async () => {
  // its own: the names are the sample's
  await using server = await startEtcd({ own: true });
  expect(sample).toContain(HOSTS);
  const file = join(folder, "run.ts");
  await writeFile(file, sample.replace(HOSTS, JSON.stringify(server.endpoints)));
  const node = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx"), file];
  const { stderr } = await promisify(execFile)(process.execPath, node, { timeout: 20_000 });
  expect(stderr).toBe("");
  expect(await server.client().get("shop/orders/42/state").string()).toBe("new");
});
