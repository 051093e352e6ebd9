import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient } from "@etcdkit/testing/vitest";
import ts from "typescript";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

// What a reader of the README sees first does what it says.

const root = join(import.meta.dirname, "../../..");
let samples: string[] = [];
let folder = "";

beforeAll(async () => {
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
  samples = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map(([, text = ""]) => text);
  // inside the package, where its own name leads to its sources
  folder = await mkdtemp(join(import.meta.dirname, ".sample-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** What the README's shorter samples take for granted. */
const given = `
import { Election, LeaderHealth, type Session, type Connection } from "@etcdkit/election";
declare const session: Session, etcd: Connection, signal: AbortSignal;
interface Reply { code(code: number): Reply; send(text: unknown): void }
declare const server: { get(path: string, handler: (request: unknown, reply: Reply) => void): void };
`;

test("the README's samples have the right types", { timeout: 60_000 }, async () => {
  expect(samples).toHaveLength(3);
  const files = await Promise.all(
    samples.map(async (sample, index) => {
      const file = join(folder, `types-${index}.ts`);
      await writeFile(file, index === 0 ? sample : given + sample);
      return file;
    }),
  );
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(files, options);
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  expect(problems).toEqual([]);
});

/** The first sample as a process, on the etcd at `endpoint`. */
async function start(endpoint: string) {
  const [sample = ""] = samples;
  expect(sample).toContain("127.0.0.1:2379");
  expect(sample.trim().split("\n").length).toBeLessThanOrEqual(15);
  const file = join(folder, "run.ts");
  await writeFile(file, sample.replace("127.0.0.1:2379", endpoint));
  const node = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx"), file];
  const child = spawn(process.execPath, node, { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = { stdout: "", stderr: "" };
  for (const where of ["stdout", "stderr"] as const) {
    child[where].setEncoding("utf8").on("data", (text: string) => {
      said[where] += text;
    });
  }
  const ended = once(child, "close").then(([code, signal]) => code ?? signal);
  const running = () => child.exitCode === null && child.signalCode === null;
  const led = async (times: number) => {
    const enough = () => said.stdout.split("\n").length > times;
    await eventually(() => enough() || !running(), { withinMs: 15_000, what: `${times} writes` });
    expect(running(), said.stderr).toBe(true);
  };
  return { said, led, stop: () => child.kill("SIGTERM"), ended };
}

test("the README's first sample runs, and ends at SIGTERM", async () => {
  const [endpoint = ""] = sharedEtcd().endpoints;
  const { said, led, stop, ended } = await start(endpoint);
  await led(2);
  stop();
  expect(await ended).toBe(0);
  expect(said.stderr).toBe("");
  expect(said.stdout).toMatch(/^(led \d+n\n){2,}$/);
  expect(await testClient().get("reports/last").string()).toMatch(/^\d+$/);
  expect(await testClient().getAll().prefix("reports/leader/").keys()).toEqual([]);
});

test("the README's first sample goes on leading when etcd was away for a moment", async () => {
  await using proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  const { said, led, stop, ended } = await start(proxy.endpoint);
  await led(2);
  await proxy.cut();
  await eventually(() => said.stderr, { withinMs: 10_000, what: "a failed write" });
  await proxy.restore();
  await led(said.stdout.split("\n").length + 2);
  stop();
  expect(await ended).toBe(0);
  expect(said.stderr).toContain("UNAVAILABLE");
  // one term
  expect(said.stdout).toMatch(/^(led \d+n\n)\1+$/);
});
