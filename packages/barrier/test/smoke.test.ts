import { Barrier, BarrierError, DoubleBarrier } from "@etcdkit/barrier";
import { eventually } from "@etcdkit/testing";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { openConnection, openSession } from "./open.js";
import { all, outcomeOf } from "./outcome.js";
import { waitingAt } from "./waiting-at.js";
import { watchStreams } from "./watch-streams.js";

// Run on every supported etcd: what a version could do otherwise.

const keysUnder = (prefix: string) => testClient().getAll().prefix(prefix).keys();
const code = (what: string) => expect.objectContaining({ name: "BarrierError", code: what });

test("wait on a barrier that nobody holds returns at once", async () => {
  const etcd = openConnection();
  const streams = watchStreams(etcd);
  await new Barrier(etcd, `${testPrefix()}barrier`).wait();
  // by a read, and nothing that could be waited for
  expect(streams.opened).toBe(0);
});

test("all who wait go when the barrier is released, and not before", async () => {
  const name = `${testPrefix()}barrier`;
  const barrier = new Barrier(openConnection(), name);
  await barrier.hold();
  const [etcd, elsewhere] = [openConnection(), openConnection()];
  const waits = [new Barrier(etcd, name), new Barrier(etcd, name), new Barrier(elsewhere, name)];
  const waiting = waits.map((waiter) => outcomeOf(waiter.wait()));
  // what Go's own recipe hangs on: an unrelated write between hold and wait
  await testClient().put(`${name}-unrelated`).value("1");
  await Promise.all([waitingAt(etcd, name, 2), waitingAt(elsewhere, name, 1)]);
  expect(all(waiting)).toEqual(["pending", "pending", "pending"]);
  await barrier.release();
  await eventually(() => all(waiting).every((now) => now === "done"), { withinMs: 1_000 });
  expect(await keysUnder(name)).toEqual([`${name}-unrelated`]);
});

test("a second hold is refused, by whomever", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const barrier = new Barrier(session.connection, name);
  await barrier.hold();
  await expect(barrier.hold()).rejects.toEqual(code("ALREADY_HELD"));
  const other = new Barrier(openConnection(), name);
  await expect(other.hold()).rejects.toBeInstanceOf(BarrierError);
  await expect(other.hold({ session })).rejects.toEqual(code("ALREADY_HELD"));
  await barrier.release();
  await other.hold({ session });
  await expect(barrier.hold({ session })).rejects.toEqual(code("ALREADY_HELD"));
  await other.release();
  expect(await keysUnder(name)).toEqual([]);
});

test("an unleased hold has no lease, a leased one its session's", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const barrier = new Barrier(session.connection, name);
  const lease = async () => (await testClient().get(name).exec()).kvs[0]?.lease;
  await barrier.hold();
  expect(await lease()).toBe("0");
  await barrier.release();
  await barrier.hold({ session });
  expect(await lease()).toBe(`${session.leaseId}`);
  await barrier.release();
});

test.for([
  ["release", "done"],
  ["fail", code("HOLDER_LOST")],
] as const)("a session that closes without a release: onHolderLost %s", async ([how, outcome]) => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  await new Barrier(session.connection, name).hold({ session, onHolderLost: how });
  const etcd = openConnection();
  const waiting = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 1);
  expect(waiting.now).toBe("pending");
  await session.close();
  expect(await waiting.settled).toEqual(outcome);
});

test("members of a double barrier enter together and leave together, round after round", async () => {
  const name = `${testPrefix()}double`;
  const sessions = [await openSession(), await openSession(), await openSession()];
  const members = sessions.map((session) => new DoubleBarrier(session, name, { count: 3 }));
  const [first, second, third] = members as [DoubleBarrier, DoubleBarrier, DoubleBarrier];
  for (let round = 0; round < 3; round++) {
    const entering = [first, second].map((member) => outcomeOf(member.enter()));
    await eventually(async () => (await keysUnder(`${name}/waiters/`)).length === 2);
    expect(all(entering)).toEqual(["pending", "pending"]);
    await third.enter();
    await eventually(() => all(entering).every((now) => now === "done"), { withinMs: 1_000 });
    const leaving = [first, third].map((member) => outcomeOf(member.leave()));
    // all but the eldest take their keys away and wait for it
    await eventually(async () => (await keysUnder(`${name}/waiters/`)).length < 3);
    expect(all(leaving)).toEqual(["pending", "pending"]);
    await second.leave();
    await eventually(() => all(leaving).every((now) => now === "done"), { withinMs: 1_000 });
    expect(await keysUnder(name)).toEqual([]);
  }
});

test("one too many is refused, before and after, and leaves nothing", async () => {
  const name = `${testPrefix()}double`;
  const session = await openSession();
  const open = () => new DoubleBarrier(session, name, { count: 2 });
  const [first, second] = [open(), open()];
  await Promise.all([first.enter(), second.enter()]);
  await expect(open().enter()).rejects.toEqual(code("TOO_MANY"));
  expect(await keysUnder(`${name}/waiters/`)).toHaveLength(2);
  await Promise.all([first.leave(), second.leave()]);
  expect(await keysUnder(name)).toEqual([]);
});

test("members with different counts are refused", async () => {
  const name = `${testPrefix()}double`;
  const session = await openSession();
  const entering = outcomeOf(new DoubleBarrier(session, name, { count: 2 }).enter());
  await eventually(async () => (await keysUnder(name)).length === 1);
  const other = new DoubleBarrier(await openSession(), name, { count: 3 });
  await expect(other.enter()).rejects.toEqual(code("COUNT_MISMATCH"));
  expect(await keysUnder(name)).toHaveLength(1);
  expect(entering.now).toBe("pending");
});

test("a namespace confines every key", async () => {
  const namespace = testPrefix();
  const inside = await openSession({ namespace });
  const outside = await openSession();
  const barrier = new Barrier(inside.connection, "barrier");
  await barrier.hold();
  const waiting = outcomeOf(new Barrier(outside.connection, `${namespace}barrier`).wait());
  await waitingAt(outside.connection, `${namespace}barrier`, 1);
  expect(waiting.now).toBe("pending");
  await barrier.release();
  await eventually(() => waiting.now === "done");
  const members = [
    new DoubleBarrier(inside, "double", { count: 2 }),
    new DoubleBarrier(outside, `${namespace}double`, { count: 2 }),
  ];
  await Promise.all(members.map((member) => member.enter()));
  await Promise.all(members.map((member) => member.leave()));
  expect(await keysUnder(namespace)).toEqual([]);
});
