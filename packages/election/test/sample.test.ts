import { join } from "node:path";
import { samplesIn, startSample, typeProblems } from "@etcdkit/test-support/sample";
import { eventually, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const [first = "", parts = "", health = ""] = samplesIn(join(import.meta.dirname, "../README.md"));

/** What the README's shorter samples take for granted. */
const partsGiven = `
import { Election, type Session, type Connection } from "@etcdkit/election";
declare const session: Session, etcd: Connection, signal: AbortSignal;
`;
const healthGiven = `
import { LeaderHealth } from "@etcdkit/election";
interface Reply { code(code: number): Reply; send(text: unknown): void }
declare const server: { get(path: string, handler: (request: unknown, reply: Reply) => void): void };
`;

test("the README's samples have the right types", { timeout: 60_000 }, () => {
  expect(health).toContain("LeaderHealth");
  const whole = [first, partsGiven + parts, healthGiven + health];
  expect(typeProblems(import.meta.dirname, ...whole)).toEqual([]);
});

/** The first sample as a process, on the etcd at `endpoint`. */
function start(endpoint: string) {
  expect(first).toContain("127.0.0.1:2379");
  expect(first.trim().split("\n").length).toBeLessThanOrEqual(15);
  const program = startSample(import.meta.dirname, first.replace("127.0.0.1:2379", endpoint));
  const led = async (times: number) => {
    const enough = () => program.stdout().split("\n").length > times;
    const over = () => enough() || !program.running();
    await eventually(over, { withinMs: 15_000, what: `${times} writes` });
    expect(program.running(), program.stderr()).toBe(true);
  };
  return { ...program, led, stop: () => program.process.kill("SIGTERM") };
}

test("the README's first sample runs, and ends at SIGTERM", async () => {
  const [endpoint = ""] = sharedEtcd().endpoints;
  const { stdout, stderr, led, stop, ended } = start(endpoint);
  await led(2);
  stop();
  expect(await ended).toBe(0);
  expect(stderr()).toBe("");
  expect(stdout()).toMatch(/^(led \d+n\n){2,}$/);
  expect(await testClient().get("reports/last").string()).toMatch(/^\d+$/);
  expect(await testClient().getAll().prefix("reports/leader/").keys()).toEqual([]);
});

test("the README's first sample goes on leading when etcd was away for a moment", async () => {
  await using proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  const { stdout, stderr, led, stop, ended } = start(proxy.endpoint);
  await led(2);
  await proxy.cut();
  await eventually(() => stderr(), { withinMs: 10_000, what: "a failed write" });
  await proxy.restore();
  await led(stdout().split("\n").length + 2);
  stop();
  expect(await ended).toBe(0);
  expect(stderr()).toContain("UNAVAILABLE");
  // one term
  expect(stdout()).toMatch(/^(led \d+n\n)\1+$/);
});
