import { setImmediate } from "node:timers/promises";
import { openConnection } from "@etcdkit/core/internal";
import { Group } from "@etcdkit/liveness";
import { ManualClock, startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { Turnstile } from "../src/turnstile.js";
import { open } from "./connect.js";

// More members on a connection than may register at once.

test("leaving waits for no turn to register while etcd is away", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const group = new Group(open({ hosts: [proxy.endpoint] }), `${testPrefix()}group`);
  const ids = Array.from({ length: 60 }, (_, n) => `m${n}`);
  const members = await Promise.all(ids.map((id) => group.join({ id, ttl: 2 })));
  await proxy.cut();
  await eventually(() => members.every(({ state }) => state === "lost"));
  // one after the other, those who are last in line first: whoever registers would make room by leaving
  for (const member of members.reverse()) {
    const since = performance.now();
    await member.leave();
    expect(performance.now() - since).toBeLessThan(2_500);
  }
});

/** Turns the clock until `work` is done. */
async function turn<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  while (!over) {
    clock.advance(50);
    await setImmediate();
  }
  return await done;
}

test("a join rejects within 10 s, however long it waited for its turn", async () => {
  const clock = new ManualClock();
  // where nobody listens
  const connection = openConnection({ hosts: "127.0.0.1:1" }, clock);
  onTestFinished(() => turn(clock, connection.close()));
  const group = new Group(connection, "group");
  const join = async (id: string) => {
    const since = clock.now();
    const error: unknown = await group.join({ id }).catch((error) => error);
    return { error, ms: clock.now() - since };
  };
  const first = Array.from({ length: 40 }, (_, n) => join(`first${n}`));
  clock.advance(4_000);
  const later = Array.from({ length: 40 }, (_, n) => join(`later${n}`));
  const joins = await turn(clock, Promise.all([...first, ...later]));
  expect(Math.max(...joins.map(({ ms }) => ms))).toBeLessThanOrEqual(10_050);
  for (const { error } of joins) expect(error).toMatchObject({ code: "UNAVAILABLE" });
});

test("who gives up waiting for its turn takes it from nobody", async () => {
  const turnstile = new Turnstile(new ManualClock());
  const { signal } = new AbortController();
  const go: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => go.push(resolve));
  const inside = Array.from({ length: 32 }, () => turnstile.pass(work, signal));
  const enough = new AbortController();
  const impatient = turnstile.pass(work, enough.signal);
  const patient = turnstile.pass(async () => "its turn", signal);
  enough.abort(new Error("enough"));
  await expect(impatient).rejects.toThrow("enough");
  expect(go).toHaveLength(32);
  go[0]?.();
  expect(await patient).toBe("its turn");
  for (const leave of go) leave();
  await Promise.all(inside);
});
