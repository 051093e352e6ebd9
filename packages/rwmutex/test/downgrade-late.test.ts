import { EtcdFailure, internals, openConnection, type Txn } from "@etcdkit/core/internal";
import { KeyDeletedError, RWMutex, Session, type WriteLock } from "@etcdkit/rwmutex";
import { leaseOf } from "@etcdkit/session/internal";
import { eventually, ManualClock } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";
import { outcomeOf } from "./outcome.js";

// The key that a downgrade would make is there, with our lease, and the downgrade has not made it: an earlier call had left it, or a
// former life. Whoever took it for its own would read beside a writer.

async function setUp() {
  const name = `${testPrefix()}rw`;
  const [endpoint = ""] = sharedEtcd().endpoints;
  // stands still, so that whoever meets nobody never follows the line; twice the same member, so that a further attempt needs no pause
  const etcd = openConnection({ hosts: [endpoint, endpoint] }, new ManualClock());
  onTestFinished(() => etcd.close());
  const session = await Session.open(etcd, { ttl: 60 });
  const others = new RWMutex(await openSession({ ttl: 60 }), name);
  const rwmutex = new RWMutex(session, name);
  const readKey = `${name}/read/${session.leaseId.toString(16)}`;
  return { session, rwmutex, others, readKey };
}

/** An operator deletes the key of the lock, and the next writer comes in; nobody tells the holder. */
async function passOver(lock: WriteLock, others: RWMutex): Promise<void> {
  const next = outcomeOf(others.writeLock());
  await eventually(async () => (await others.contenders()).some(({ key }) => key !== lock.key));
  await testClient().delete().key(lock.key);
  await eventually(() => next.value?.held);
  expect(lock.held).toBe(true);
}

/** The next transaction gets no answer; what is returned sends it. */
function withhold(session: Session, meanwhile: () => void = () => undefined) {
  const member = internals(session.connection).members.current;
  const send = member.txn.bind(member);
  let late: Txn | undefined;
  member.txn = async (txn) => {
    member.txn = send;
    late = txn;
    meanwhile();
    throw new EtcdFailure("unavailable", "withheld by the test");
  };
  return async () => {
    if (!late) throw new Error("nothing was withheld");
    expect(await send(late, { deadlineMs: 5_000 })).toMatchObject({ succeeded: true });
  };
}

/** A read lock that was cancelled while its request had no answer; what is returned sends that. */
async function cancelledReader({ session, rwmutex, readKey }: Awaited<ReturnType<typeof setUp>>) {
  const cancel = new AbortController();
  const arrive = withhold(session, () => cancel.abort());
  await expect(rwmutex.readLock({ signal: cancel.signal })).rejects.toBe(cancel.signal.reason);
  await eventually(() => !leaseOf(session).usesKey(readKey));
  return arrive;
}

test("of a former life, by a request that arrives late", async () => {
  const { session, rwmutex, others, readKey } = await setUp();
  const writer = await rwmutex.writeLock();
  await passOver(writer, others);
  await testClient().put(readKey).value("").lease(`${session.leaseId}`);
  await expect(writer.downgrade()).rejects.toBeInstanceOf(KeyDeletedError);
});

test("of a call that was cancelled, by a request that arrives late; and the downgrade has an attempt without an answer too", async () => {
  const lines = await setUp();
  const { session, rwmutex, others } = lines;
  const arrive = await cancelledReader(lines);
  const writer = await rwmutex.writeLock();
  await passOver(writer, others);
  await arrive();
  withhold(session);
  await expect(writer.downgrade()).rejects.toBeInstanceOf(KeyDeletedError);
});

test("of a call that was cancelled: where nobody comes in between, the read lock has another key", async () => {
  const lines = await setUp();
  const { rwmutex, others, readKey } = lines;
  const arrive = await cancelledReader(lines);
  const writer = await rwmutex.writeLock();
  await arrive();
  const reader = await writer.downgrade();
  expect(reader.key).toBe(`${readKey}-1`);
  expect((await inLine(others, 2)).map(({ kind }) => kind)).toEqual(["read", "read"]);
});
