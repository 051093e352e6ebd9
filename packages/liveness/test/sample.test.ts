import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
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

test("the README's sample has the right types", { timeout: 60_000 }, async () => {
  const file = join(folder, "types.ts");
  await writeFile(file, sample);
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([file], options);
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  expect(problems).toEqual([]);
  // it was read, and its types were known
  const source = program.getSourceFile(file);
  expect(source?.statements.length).toBeGreaterThan(4);
});

test("the README's sample runs", async () => {
  const [endpoint = ""] = sharedEtcd().endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const name = `${testPrefix()}machines`;
  const file = join(folder, "run.ts");
  const here = sample.replace("127.0.0.1:2379", endpoint).replace('"machines"', `"${name}"`);
  await writeFile(file, here);
  const node = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx"), file];
  const program = spawn(process.execPath, node, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void program.kill("SIGKILL"));
  let told = "";
  program.stdout.on("data", (chunk) => {
    told += chunk;
  });
  const line = `joined ${hostname()} ${program.pid}\n`;
  await eventually(() => told === line, { withinMs: 20_000, what: `"${line}", not "${told}"` });
});
