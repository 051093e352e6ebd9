import { EtcdFailure, internals, type Txn } from "@etcdkit/core/internal";
import { RWMutex, type Session } from "@etcdkit/rwmutex";
import { eventually } from "@etcdkit/testing";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { openSession } from "./open-session.js";

// The first attempt to enrol is held up on its way, a frozen member has it say, and the second one is answered. When the first arrives
// in the end it makes a key that nobody uses: that goes, whatever has become of the other one.

/** Holds up the next transaction of `session`; what is returned lets it arrive. */
function holdUp(session: Session): () => Promise<unknown> {
  const member = internals(session.connection).members.current;
  const send = member.txn.bind(member);
  let held: Txn | undefined;
  member.txn = async (txn, call) => {
    if (held) return await send(txn, call);
    held = txn;
    throw new EtcdFailure("unavailable", "held up by the test");
  };
  return async () => {
    member.txn = send;
    if (!held) throw new Error("nothing was held up");
    expect(await send(held, { deadlineMs: 5_000 })).toMatchObject({ succeeded: true });
  };
}

async function setUp() {
  const name = `${testPrefix()}rw`;
  const session = await openSession({ ttl: 2 });
  const arrive = holdUp(session);
  const rwmutex = new RWMutex(session, name);
  const lock = await rwmutex.writeLock();
  // that of a user, which is no business of ours
  const other = `${name}-other`;
  await testClient().put(other).value("").lease(`${session.leaseId}`);
  const keys = () => testClient().getAll().prefix(`${name}/`).keys();
  const gone = async () => {
    expect(await keys()).toEqual([lock.key]);
    await eventually(async () => (await keys()).length === 0, { withinMs: 10_000 });
    expect(session.signal.aborted).toBe(false);
    expect(await testClient().get(other).exists()).toBe(true);
  };
  return { session, rwmutex, lock, arrive, gone };
}

test("after a release", async () => {
  const { lock, arrive, gone } = await setUp();
  await lock.release();
  await arrive();
  await gone();
});

test("after a downgrade, and the release of what it became", async () => {
  const { lock, arrive, gone } = await setUp();
  const reader = await lock.downgrade();
  expect(reader.key).not.toBe(lock.key);
  await reader.release();
  await arrive();
  await gone();
});

test("after an operator deleted the key", async () => {
  const { lock, arrive, gone } = await setUp();
  await testClient().delete().key(lock.key);
  await eventually(() => lock.signal.aborted);
  await arrive();
  await gone();
});

test("though it is looked for, a key of the same name that is in use is left alone", async () => {
  const { session, rwmutex, lock } = await setUp();
  await lock.release();
  const again = await rwmutex.writeLock();
  expect(again.key).toBe(lock.key);
  const member = internals(session.connection).members.current;
  const look = member.leaseTimeToLive.bind(member);
  let looks = 0;
  member.leaseTimeToLive = async (lease, call) => {
    looks++;
    return await look(lease, call);
  };
  // the first is over once there is a second
  await eventually(() => looks >= 2, { withinMs: 10_000, what: "a second look" });
  expect(again.held).toBe(true);
  expect(await testClient().get(again.key).exists()).toBe(true);
  await again.release();
});
