import {
  KeyDeletedError,
  RWMutex,
  SessionClosedError,
  SessionExpiredError,
} from "@etcdkit/rwmutex";
import { eventually } from "@etcdkit/testing";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";
import { outcomeOf } from "./outcome.js";

async function setUp() {
  const name = `${testPrefix()}rw`;
  const session = await openSession();
  const other = await openSession();
  return {
    name,
    session,
    rwmutex: new RWMutex(session, name),
    others: new RWMutex(other, name),
    kinds: async () => (await new RWMutex(other, name).contenders()).map(({ kind }) => kind),
  };
}

test("where nobody waits, the read lock has a key of its own, and the write lock is over", async () => {
  const { name, session, rwmutex, others } = await setUp();
  const writer = await rwmutex.writeLock({ value: "who" });
  const early = writer.guard().then(session.connection.client.put(`${name}-state`).value("late"));
  const reader = await writer.downgrade();
  expect(reader.key).toBe(`${name}/read/${session.leaseId.toString(16)}`);
  expect(reader.fencingToken).toBeGreaterThan(writer.fencingToken);
  expect(await others.contenders()).toMatchObject([
    { kind: "read", key: reader.key, fencingToken: reader.fencingToken, value: Buffer.from("who") },
  ]);
  expect([reader.held, writer.held, writer.signal.aborted]).toEqual([true, false, false]);
  expect(() => writer.guard()).toThrow(expect.objectContaining({ code: "RELEASED" }));
  expect((await early.commit()).succeeded).toBe(false);
  await writer.release();
  expect(reader.held).toBe(true);
  expect((await others.tryReadLock())?.held).toBe(true);
  expect(await others.tryWriteLock()).toBeUndefined();
  const write = reader.guard().then(session.connection.client.put(`${name}-state`).value("seen"));
  expect((await write.commit()).succeeded).toBe(true);
});

test("readers who wait are let in at once, and a writer who comes then waits for all of them", async () => {
  const { rwmutex, others, kinds } = await setUp();
  const writer = await rwmutex.writeLock();
  const reading = [others.readLock(), others.readLock(), rwmutex.readLock()];
  await inLine(others, 4);
  const reader = await writer.downgrade();
  const readers = await Promise.all(reading);
  expect([reader, ...readers].map(({ held }) => held)).toEqual([true, true, true, true]);
  const next = outcomeOf(others.writeLock());
  await inLine(others, 5);
  await Promise.all(readers.map((lock) => lock.release()));
  expect([await kinds(), next.settled]).toEqual([["read", "write"], false]);
  await reader.release();
  await eventually(() => next.value?.held);
});

test("where another writer waits, nobody comes in until the read lock is released", async () => {
  const { name, session, rwmutex, others, kinds } = await setUp();
  const writer = await rwmutex.writeLock();
  const between = outcomeOf(others.readLock());
  await inLine(others, 2);
  const next = outcomeOf(others.writeLock());
  await inLine(others, 3);
  const reader = await writer.downgrade();
  expect([reader.key, reader.fencingToken]).toEqual([writer.key, writer.fencingToken]);
  expect([reader.held, writer.held]).toEqual([true, false]);
  expect(await kinds()).toEqual(["write", "read", "write"]);
  await writer.release();
  expect(await kinds()).toEqual(["write", "read", "write"]);
  expect([between.settled, next.settled]).toEqual([false, false]);
  await reader.release();
  await eventually(() => between.value?.held);
  expect(next.settled).toBe(false);
  await between.value?.release();
  await eventually(() => next.value?.held);
  await next.value?.release();
  // the key that it was not given is free
  expect((await rwmutex.readLock()).key).toBe(`${name}/read/${session.leaseId.toString(16)}`);
});

test("whatever was written is what the downgraded lock still reads, among others who write and downgrade", async () => {
  const { name, rwmutex, others } = await setUp();
  const client = testClient();
  const ROUNDS = 15;
  const seen: string[] = [];
  let [moved, kept] = [0, 0];
  const writeAndRead = async (mutex: RWMutex, who: string) => {
    // on until chance had it both ways
    for (let round = 0; round < ROUNDS || moved === 0 || kept === 0; round++) {
      const writer = await mutex.writeLock();
      await client.put(`${name}-state`).value(`${who} ${round}`);
      const reader = await writer.downgrade();
      if (reader.key === writer.key) kept++;
      else moved++;
      seen.push(`${await client.get(`${name}-state`).string()} by ${who} ${round}`);
      expect(reader.held).toBe(true);
      await reader.release();
      // sometimes the others are between their turns as well
      if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    }
  };
  const read = async (mutex: RWMutex) => {
    for (let round = 0; round < ROUNDS; round++) {
      await mutex.withReadLock(async () => {
        const before = await client.get(`${name}-state`).string();
        expect(await client.get(`${name}-state`).string()).toBe(before);
      });
    }
  };
  await Promise.all([
    writeAndRead(rwmutex, "one"),
    writeAndRead(others, "other"),
    read(rwmutex),
    read(others),
  ]);
  expect(seen.length).toBeGreaterThanOrEqual(2 * ROUNDS);
  expect(seen.filter((said) => !/^(\w+ \d+) by \1$/.test(said))).toEqual([]);
  expect(await rwmutex.contenders()).toEqual([]);
});

test("a downgraded lock hears of its loss as any other does", async () => {
  const { name, session, rwmutex, others } = await setUp();
  const client = testClient();
  const loses = async (key: string, { signal }: { signal: AbortSignal }, of: string) => {
    await client.delete().key(key);
    await eventually(() => signal.aborted, { withinMs: 1_000, what: `the loss of ${of}` });
    expect(signal.reason).toBeInstanceOf(KeyDeletedError);
  };
  const moved = await (await rwmutex.writeLock()).downgrade();
  await loses(moved.key, moved, "a key of its own");
  const writer = await rwmutex.writeLock();
  const next = outcomeOf(others.writeLock());
  await inLine(others, 2);
  const kept = await writer.downgrade();
  await loses(kept.key, kept, "the key it kept");
  await eventually(() => next.value?.held);
  await next.value?.release();
  const last = await (await new RWMutex(session, name).writeLock()).downgrade();
  await session.close();
  expect([last.held, last.signal.reason]).toEqual([false, expect.any(SessionClosedError)]);
});

test("a lock that is held no more cannot be downgraded, and leaves nothing", async () => {
  const { session, rwmutex, others } = await setUp();
  const client = testClient();
  const released = await rwmutex.writeLock();
  await released.release();
  await expect(released.downgrade()).rejects.toMatchObject({ code: "RELEASED" });

  const deleted = await rwmutex.writeLock();
  await client.delete().key(deleted.key);
  await expect(deleted.downgrade()).rejects.toBeInstanceOf(KeyDeletedError);
  expect(deleted.signal.reason).toBeInstanceOf(KeyDeletedError);
  expect(await others.contenders()).toEqual([]);

  const revoked = await rwmutex.writeLock();
  await client.leaseClient.leaseRevoke({ ID: `${session.leaseId}` });
  await expect(revoked.downgrade()).rejects.toBeInstanceOf(SessionExpiredError);
  await expect(revoked.downgrade()).rejects.toBeInstanceOf(SessionExpiredError);
  expect(await others.contenders()).toEqual([]);
});

test("asked for twice, it is one downgrade; released meanwhile, it is none, and no key is left", async () => {
  const { rwmutex, others } = await setUp();
  const writer = await rwmutex.writeLock();
  const [one, same] = await Promise.all([writer.downgrade(), writer.downgrade()]);
  expect(one).toBe(same);
  expect(await writer.downgrade()).toBe(one);
  await one.release();
  for (const waiting of [false, true]) {
    const lock = await rwmutex.writeLock();
    const next = waiting ? others.writeLock() : undefined;
    if (next) await inLine(others, 2);
    const downgrading = expect(lock.downgrade()).rejects.toMatchObject({ code: "RELEASED" });
    await lock.release();
    expect((await others.contenders()).length).toBe(waiting ? 1 : 0);
    await downgrading;
    await (await next)?.release();
  }
  expect(await others.contenders()).toEqual([]);
});

test("withWriteLock releases what became of its lock", async () => {
  const { rwmutex, others, kinds } = await setUp();
  const reader = await rwmutex.withWriteLock(async (lock) => {
    const downgraded = await lock.downgrade();
    expect([downgraded.held, await kinds()]).toEqual([true, ["read"]]);
    return downgraded;
  });
  expect([reader.held, await others.contenders()]).toEqual([false, []]);
  const abandoned = await rwmutex.withWriteLock((lock) => ({
    downgrading: lock.downgrade().catch(() => "over"),
  }));
  expect(await others.contenders()).toEqual([]);
  expect(await abandoned.downgrading).toBe("over");
});

test("another key in line that is of neither kind counts as a writer who waits", async () => {
  const { name, rwmutex, others } = await setUp();
  for (const stranger of [`${name}/a`, `${name}/x`, `${name}/write/0`, `${name}/write/z`]) {
    const client = testClient();
    const writer = await rwmutex.writeLock();
    await client.put(stranger).value("");
    const reader = await writer.downgrade();
    expect([reader.key, reader.held]).toEqual([writer.key, true]);
    await reader.release();
    await client.delete().key(stranger);
    await inLine(others, 0);
  }
});
