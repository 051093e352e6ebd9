import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startEtcd } from "@etcdkit/testing";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const root = join(import.meta.dirname, "../../..");
let sample = "";
let pattern = "";
let folder = "";

beforeAll(async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  sample = /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? "";
  const docs = await readFile(join(root, "docs/session-loss.md"), "utf8");
  pattern = /^## A pattern for services\s+```ts\n(.*?)^```/ms.exec(docs)?.[1] ?? "";
  // inside the package, where its own name leads to its sources
  folder = await mkdtemp(join(import.meta.dirname, ".sample-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** What the pattern for services takes for granted. */
const given = `
import { type Connection, type Lock, Mutex, Session, SessionExpiredError } from "@etcdkit/mutex";
declare const etcd: Connection, stopping: AbortSignal;
declare function work(signal: AbortSignal): Promise<void>;
`;

test("the README's sample, and the pattern for services, have the right types", {
  timeout: 60_000,
}, async () => {
  const file = join(folder, "types.ts");
  const patternFile = join(folder, "pattern.ts");
  await writeFile(file, sample);
  await writeFile(patternFile, given + pattern);
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([file, patternFile], options);
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  expect(problems).toEqual([]);
  // they were read, and their types were known
  expect(program.getSourceFile(file)?.statements.length).toBeGreaterThan(5);
  expect(program.getSourceFile(patternFile)?.statements.length).toBeGreaterThan(4);
});

test("the README's sample is at most 15 lines", () => {
  const lines = sample.trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.length).toBeLessThanOrEqual(15);
});

test("the README's sample runs", async () => {
  // its own: the names are the sample's
  await using server = await startEtcd({ own: true });
  const [endpoint = ""] = server.endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const file = join(folder, "run.ts");
  await writeFile(file, sample.replace("127.0.0.1:2379", endpoint));
  const node = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx"), file];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, node, { timeout: 20_000 });
  expect(stdout).toMatch(/^paid \d+n\n$/);
  expect(stderr).toBe("");
  expect(await server.client().get("orders/42/state").string()).toBe("paid");
});
