import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { Mutex } from "@etcdkit/mutex";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { openSession } from "./open-session.js";

// A session that is orphaned leaves what it holds and waits for to the next life of its lease, but nothing that was given up before:
// that would block the line for as long as the next life renews the lease.

async function setUp() {
  const name = `${testPrefix()}lock`;
  const session = await openSession({ ttl: 20 });
  const member = internals(session.connection).members.current;
  const txn = member.txn.bind(member);
  const keys = () => testClient().getAll().prefix(`${name}/`).keys();
  return { name, session, mutex: new Mutex(session, name), member, txn, keys };
}

test.each(["lock", "tryLock"] as const)(
  "%s that was cancelled while its key was being made leaves none",
  async (verb) => {
    const { session, mutex, member, txn, keys } = await setUp();
    const giveUp = new AbortController();
    member.txn = async (request, call) => {
      member.txn = txn;
      const made = await txn(request, call);
      giveUp.abort();
      session.orphan();
      return made;
    };
    await expect(mutex[verb]({ signal: giveUp.signal })).rejects.toThrow("aborted");
    await expect.poll(keys).toEqual([]);
  },
);

test("a release that is under way is carried on", async () => {
  const { session, mutex, member, txn, keys } = await setUp();
  const lock = await mutex.lock();
  member.txn = async () => {
    member.txn = txn;
    throw new EtcdFailure("unavailable", "no answer, by the test");
  };
  const released = lock.release();
  session.orphan();
  await released;
  expect(await keys()).toEqual([]);
});

test("a lock that is being asked for is left to the next life", async () => {
  const { name, session, mutex, member, txn, keys } = await setUp();
  member.txn = async (request, call) => {
    member.txn = txn;
    const made = await txn(request, call);
    session.orphan();
    return made;
  };
  await expect(mutex.lock()).rejects.toMatchObject({ code: "SESSION_CLOSED" });
  const [key] = await keys();
  const again = await openSession({ leaseId: session.leaseId });
  expect(await new Mutex(again, name).lock()).toMatchObject({ held: true, key });
});
