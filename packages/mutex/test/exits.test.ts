import { Mutex } from "@etcdkit/mutex";
import type { Program } from "@etcdkit/test-support/program";
import { eventually, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { type CancellerMessage, startCanceller } from "./canceller.js";
import { openSession } from "./open-session.js";

// A process that has closed its connection ends by itself: no timer, stream or socket keeps it, and no rejection ends it before.

test("a process that cancelled at every turn of its event loop leaves no key, and exits", {
  timeout: 90_000,
}, async () => {
  const prefix = testPrefix();
  const taken = `${prefix}taken`;
  const names = [taken, `${prefix}a`, `${prefix}b`, `${prefix}c`, `${prefix}d`, `${prefix}e`];
  const holder = await new Mutex(await openSession({ ttl: 20 }), taken).lock();
  const hosts = sharedEtcd().endpoints;
  const program = startCanceller({ hosts, names, ttl: 20, turns: 50 });
  const done = await program.message(({ what }) => what === "done", 60_000);
  // early enough, too late, and another was there: all of it was met
  expect(done).toMatchObject({
    cancelled: expect.toSatisfy((count: number) => count > 50),
    locked: expect.toSatisfy((count: number) => count > 0),
    notLocked: expect.toSatisfy((count: number) => count > 0),
  });
  const client = testClient();
  const keys = () => client.getAll().prefix(prefix).keys();
  // its session lives on
  await eventually(async () => (await keys()).length === 1, { what: "no key but the holder's" });
  expect(await keys()).toEqual([holder.key]);

  await exitsAtOnce(program);
});

test("a process that cancelled as its connection was cut right after a request leaves no key, and exits", async () => {
  const name = `${testPrefix()}lock`;
  const [target = ""] = sharedEtcd().endpoints;
  await using proxy = await startProxy({ target });
  const cut = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "cut" });
  const program = startCanceller({ hosts: [proxy.endpoint], names: [name], ttl: 20, turns: 10 });
  await cut;
  await proxy.restore();
  await program.message(({ what }) => what === "done");
  const keys = () => testClient().getAll().prefix(`${name}/`).keys();
  // its session lives on
  await eventually(async () => (await keys()).length === 0, { what: "no key" });
  await exitsAtOnce(program);
});

test("a process cut off from etcd gives up closing at the TTL, and exits", async () => {
  const TTL = 2;
  const [target = ""] = sharedEtcd().endpoints;
  await using proxy = await startProxy({ target });
  const names = [`${testPrefix()}lock`];
  const program = startCanceller({ hosts: [proxy.endpoint], names, ttl: TTL, turns: 2 });
  await program.message(({ what }) => what === "done");
  proxy.stall();
  program.process.kill("SIGUSR2");
  const start = performance.now();
  await program.message(({ what }) => what === "closed");
  // no longer than its lease would have lived
  expect(performance.now() - start).toBeLessThan(TTL * 1_000 + 300);
  expect({ code: await program.ended, said: program.stderr() }).toEqual({ code: 0, said: "" });
  // gRPC takes a moment to give up its sockets
  expect(performance.now() - start).toBeLessThan(TTL * 1_000 + 2_000);
});

/** Closes its connection, which is all that keeps it. */
async function exitsAtOnce(program: Program<CancellerMessage>): Promise<void> {
  program.process.kill("SIGUSR2");
  await program.message(({ what }) => what === "closed");
  const closedAt = performance.now();
  expect({ code: await program.ended, said: program.stderr() }).toEqual({ code: 0, said: "" });
  expect(performance.now() - closedAt).toBeLessThan(1_000);
}
