import {
  CoordinationError,
  ReadLock,
  RWMutex,
  SessionClosedError,
  WriteLock,
} from "@etcdkit/rwmutex";
import { eventually } from "@etcdkit/testing";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";
import { outcomeOf } from "./outcome.js";

// Run on every supported etcd: what a version could do otherwise.

async function keysUnder(prefix: string): Promise<string[]> {
  return await testClient().getAll().prefix(prefix).keys();
}

/** One name as so many sessions see it. */
async function mutexes(count: number): Promise<[RWMutex, ...RWMutex[]]> {
  const name = `${testPrefix()}rw`;
  const sessions = await Promise.all(Array.from({ length: count }, () => openSession()));
  const [first, ...others] = sessions.map((session) => new RWMutex(session, name));
  if (!first) throw new Error("at least one");
  return [first, ...others];
}

test("readers hold together, a writer waits for all of them", async () => {
  const [m1, m2 = m1, m3 = m1] = await mutexes(3);
  const [r1, r2] = [await m1.readLock(), await m2.readLock()];
  expect([r1.held, r2.held]).toEqual([true, true]);
  expect([r1, r2].map((lock) => lock instanceof ReadLock)).toEqual([true, true]);
  expect(await m3.tryWriteLock()).toBeUndefined();
  const writing = m3.writeLock();
  const waiting = outcomeOf(writing);
  await inLine(m3, 3);
  await r1.release();
  await inLine(m3, 2);
  expect([waiting.settled, r2.held]).toEqual([false, true]);
  await r2.release();
  const writer = await writing;
  expect(writer).toBeInstanceOf(WriteLock);
  expect(writer.held).toBe(true);
  expect(writer.fencingToken).toBeGreaterThan(r2.fencingToken);
  await writer.release();
  expect(await keysUnder(m1.name)).toEqual([]);
});

test("a writer holds alone, and the readers behind it come in together", async () => {
  const [m1, m2 = m1, m3 = m1] = await mutexes(3);
  const writer = await m1.writeLock();
  expect([await m2.tryReadLock(), await m2.tryWriteLock()]).toEqual([undefined, undefined]);
  const reading = [m2.readLock(), m3.readLock()];
  const waiting = reading.map(outcomeOf);
  await inLine(m1, 3);
  expect(waiting.map(({ settled }) => settled)).toEqual([false, false]);
  await writer.release();
  const readers = await Promise.all(reading);
  expect(readers.map(({ held }) => held)).toEqual([true, true]);
});

test("a reader who comes after a waiting writer waits behind it; readers between two writers hold together", async () => {
  const [m1, m2 = m1, m3 = m1, m4 = m1, m5 = m1] = await mutexes(5);
  const first = await m1.readLock();
  const w1 = outcomeOf(m2.writeLock());
  await inLine(m1, 2);
  const between = [outcomeOf(m3.readLock()), outcomeOf(m4.readLock())];
  await inLine(m1, 4);
  const w2 = outcomeOf(m5.writeLock());
  await inLine(m1, 5);
  const last = outcomeOf(m1.readLock());
  const line = await inLine(m1, 6);
  expect(line.map(({ kind }) => kind)).toEqual(["read", "write", "read", "read", "write", "read"]);
  // though only a reader holds
  expect(await m3.tryReadLock()).toBeUndefined();

  const stages = () => [w1, ...between, w2, last].map(({ settled }) => settled);
  expect(stages()).toEqual([false, false, false, false, false]);
  await first.release();
  await eventually(() => w1.settled);
  expect(stages()).toEqual([true, false, false, false, false]);
  await w1.value?.release();
  await eventually(() => between.every(({ settled }) => settled));
  expect(stages()).toEqual([true, true, true, false, false]);
  await between[1]?.value?.release();
  await inLine(m1, 3);
  expect(stages()).toEqual([true, true, true, false, false]);
  await between[0]?.value?.release();
  await eventually(() => w2.settled);
  expect(stages()).toEqual([true, true, true, true, false]);
  await w2.value?.release();
  await eventually(() => last.settled);
});

test("tryReadLock and tryWriteLock take a free lock, by Go's keys", async () => {
  const name = `${testPrefix()}rw`;
  const session = await openSession();
  const rwmutex = new RWMutex(session, name);
  const hex = session.leaseId.toString(16);
  const reader = await rwmutex.tryReadLock();
  expect([reader?.held, reader?.key]).toEqual([true, `${name}/read/${hex}`]);
  const another = await rwmutex.tryReadLock();
  expect([another?.held, another?.key]).toEqual([true, `${name}/read/${hex}-1`]);
  await Promise.all([reader?.release(), another?.release()]);
  const writer = await rwmutex.tryWriteLock();
  expect([writer?.held, writer?.key]).toEqual([true, `${name}/write/${hex}`]);
});

test("a read lock and a write lock of one session exclude each other", async () => {
  const [rwmutex] = await mutexes(1);
  const reader = await rwmutex.readLock();
  expect(await rwmutex.tryWriteLock()).toBeUndefined();
  const writing = rwmutex.writeLock();
  await inLine(rwmutex, 2);
  await reader.release();
  const writer = await writing;
  expect(await rwmutex.tryReadLock()).toBeUndefined();
  const writingToo = rwmutex.writeLock();
  await inLine(rwmutex, 2);
  await writer.release();
  expect((await writingToo).held).toBe(true);
});

test("withReadLock and withWriteLock hold while the work runs, and release also when it throws", async () => {
  const [rwmutex] = await mutexes(1);
  const kinds = async () => (await rwmutex.contenders()).map(({ kind }) => kind);
  expect(await rwmutex.withReadLock(kinds)).toEqual(["read"]);
  expect(await rwmutex.withWriteLock(kinds)).toEqual(["write"]);
  const oops = new Error("oops");
  const throwing = () => {
    throw oops;
  };
  await expect(rwmutex.withReadLock(throwing)).rejects.toBe(oops);
  await expect(rwmutex.withWriteLock(throwing)).rejects.toBe(oops);
  expect(await kinds()).toEqual([]);
});

test("contenders tell kind and value, in order", async () => {
  const [m1, m2 = m1] = await mutexes(2);
  await m1.readLock({ value: "a reader" });
  await m2.readLock({ value: Buffer.from([0, 255]) });
  outcomeOf(m1.writeLock({ value: "a writer" }));
  const line = await inLine(m2, 3);
  expect(line.map(({ kind }) => kind)).toEqual(["read", "read", "write"]);
  expect(line.map(({ value }) => value)).toEqual(
    ["a reader", Buffer.from([0, 255]), "a writer"].map((value) => Buffer.from(value)),
  );
});

test("a write lock becomes a read lock, and readers come in", async () => {
  const [m1, m2 = m1] = await mutexes(2);
  const writer = await m1.writeLock();
  const reading = m2.readLock();
  await inLine(m1, 2);
  const reader = await writer.downgrade();
  expect([reader.held, writer.held, (await reading).held]).toEqual([true, false, true]);
  expect((await inLine(m1, 2)).map(({ kind }) => kind)).toEqual(["read", "read"]);
  await reader.release();
});

test("asking for an upgrade is refused at once, and the read lock is as it was", async () => {
  const [rwmutex] = await mutexes(1);
  const reader = await rwmutex.readLock();
  const refused = await reader.upgrade().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CoordinationError);
  expect(refused).toMatchObject({ code: "UPGRADE_REFUSED" });
  expect((refused as Error).message).toMatch(/release it and ask for a write lock/);
  expect(reader.held).toBe(true);
  expect(await inLine(rwmutex, 1)).toMatchObject([{ kind: "read", key: reader.key }]);
});

test("two readers who ask for an upgrade, with a writer waiting: both are refused before anything can come from etcd", async () => {
  const [m1, m2 = m1, m3 = m1] = await mutexes(3);
  const readers = [await m1.readLock(), await m2.readLock()];
  const writing = m3.writeLock();
  await inLine(m3, 3);
  const asking = readers.map((reader) => outcomeOf(reader.upgrade()));
  await new Promise(setImmediate);
  const refused = expect.objectContaining({ code: "UPGRADE_REFUSED" });
  expect(asking.map(({ error }) => error)).toEqual([refused, refused]);
  for (const reader of readers) await reader.release();
  expect((await writing).held).toBe(true);
});

test("a guarded write happens while we hold, and not after", async () => {
  const session = await openSession();
  const { client } = session.connection;
  const rwmutex = new RWMutex(session, `${testPrefix()}rw`);
  for (const verb of ["readLock", "writeLock"] as const) {
    const lock = await rwmutex[verb]();
    const write = () => lock.guard().then(client.put(`${rwmutex.name}-${verb}`).value("written"));
    const late = write();
    expect((await write().commit()).succeeded).toBe(true);
    await lock.release();
    expect((await late.commit()).succeeded).toBe(false);
    expect(() => lock.guard()).toThrow(expect.objectContaining({ code: "RELEASED" }));
  }
});

test.for(["readLock", "writeLock"] as const)(
  "closing the session ends a wait for a %s, and its key is gone",
  async (verb) => {
    const name = `${testPrefix()}rw`;
    const waiting = await openSession();
    const holding = new RWMutex(await openSession(), name);
    const lock = await holding.writeLock();
    const wait = expect(new RWMutex(waiting, name)[verb]()).rejects.toBeInstanceOf(
      SessionClosedError,
    );
    await inLine(holding, 2);
    await waiting.close();
    await wait;
    expect(await keysUnder(name)).toEqual([lock.key]);
    expect(lock.held).toBe(true);
  },
);

test("readers beside many readers hold at once, however many they are", async () => {
  const MANY = 40;
  const [m1, m2 = m1, m3 = m1] = await mutexes(3);
  const many = () => Array.from({ length: MANY }, () => m1.readLock());
  const before = await Promise.all(many());
  const one = await m2.readLock();
  expect(one.held).toBe(true);
  await Promise.all([one, ...before].map((lock) => lock.release()));
  // nor are they far from the front when all of them wait
  const writer = await m2.writeLock();
  const writers = Array.from({ length: MANY }, () => m1.withWriteLock(() => {}));
  await inLine(m1, MANY + 1);
  const readers = many();
  await inLine(m1, 2 * MANY + 1);
  const last = m3.readLock();
  await inLine(m1, 2 * MANY + 2);
  await writer.release();
  await Promise.all(writers);
  const locks = await Promise.all([...readers, last]);
  expect(locks.filter(({ held }) => !held)).toEqual([]);
});

test("a key of neither kind counts as a writer, and is warned of", async () => {
  const [m1] = await mutexes(1);
  const client = testClient();
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  // before and after the keys of readers
  for (const stranger of [`${m1.name}/a`, `${m1.name}/x/y`]) {
    await client.put(stranger).value("");
    expect([await m1.tryReadLock(), await m1.tryWriteLock()]).toEqual([undefined, undefined]);
    const reading = outcomeOf(m1.readLock());
    expect((await inLine(m1, 2)).map(({ kind }) => kind)).toEqual(["write", "read"]);
    expect(reading.settled).toBe(false);
    await client.delete().key(stranger);
    await eventually(() => reading.value?.held);
    await reading.value?.release();
  }
  expect(await warned).toMatchObject({ code: "ETCDKIT_NAME_OVERLAP" });
});
