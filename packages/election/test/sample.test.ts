import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sharedEtcd, testClient } from "@etcdkit/testing/vitest";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";

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

test("the README's first sample runs, and ends at SIGTERM", async () => {
  const [endpoint = ""] = sharedEtcd().endpoints;
  const [sample = ""] = samples;
  expect(sample).toContain("127.0.0.1:2379");
  expect(sample.trim().split("\n").length).toBeLessThanOrEqual(15);
  const file = join(folder, "run.ts");
  await writeFile(file, sample.replace("127.0.0.1:2379", endpoint));
  const node = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx"), file];
  const outcome = await new Promise<{ error: unknown; stdout: string; stderr: string }>((done) => {
    const child = execFile(process.execPath, node, { timeout: 20_000 }, (error, stdout, stderr) =>
      done({ error, stdout, stderr }),
    );
    let terms = 0;
    child.stdout?.on("data", () => {
      if (++terms === 2) child.kill("SIGTERM");
    });
  });
  expect(outcome).toMatchObject({ error: null, stderr: "" });
  expect(outcome.stdout).toMatch(/^(led \d+n\n){2,}$/);
  expect(await testClient().get("reports/last").string()).toMatch(/^\d+$/);
  expect(await testClient().getAll().prefix("reports/leader/").keys()).toEqual([]);
});
