import { type Lock, Mutex, type Session } from "@etcdkit/mutex";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { beforeEach, expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// A process that is started again with the lease of its former life finds the places that it had, whichever numbers their keys have.

let name: string;

beforeEach(() => {
  name = `${testPrefix()}lock`;
});

interface Former {
  session: Session;
  locks: Promise<Lock>[];
}

/** A session that has asked for the lock so many times, in line in this order. */
async function asked(times: number): Promise<Former> {
  const session = await openSession({ ttl: 20 });
  const mutex = new Mutex(session, name);
  const before = (await mutex.contenders()).length;
  const locks: Promise<Lock>[] = [];
  for (let n = 1; n <= times; n++) {
    const lock = mutex.lock();
    lock.catch(() => undefined);
    locks.push(lock);
    await inLine(mutex, before + n);
  }
  return { session, locks };
}

/** The process is gone, and another one has its lease. */
async function restarted({ session }: Former): Promise<Session> {
  session.orphan();
  return await openSession({ leaseId: session.leaseId });
}

const keys = () => testClient().getAll().prefix(`${name}/`).sort("Create", "Ascend").keys();

test("it holds by the key of its second call, the first of which was released", async () => {
  const former = await asked(2);
  await (await former.locks[0])?.release();
  const { key, fencingToken } = (await former.locks[1]) as Lock;
  expect(key).toMatch(/-1$/);
  const lock = await new Mutex(await restarted(former), name).lock();
  expect(lock).toMatchObject({ held: true, key, fencingToken });
  expect(await keys()).toEqual([key]);
  await lock.release();
  expect(await keys()).toEqual([]);
});

test("so does tryLock", async () => {
  const former = await asked(2);
  await (await former.locks[0])?.release();
  const { key, fencingToken } = (await former.locks[1]) as Lock;
  const lock = await new Mutex(await restarted(former), name).tryLock();
  expect(lock).toMatchObject({ held: true, key, fencingToken });
});

test("it holds by the key that came first, though another one has a smaller number", async () => {
  const former = await asked(2);
  await (await former.locks[0])?.release();
  const { key, fencingToken } = (await former.locks[1]) as Lock;
  const mutex = new Mutex(former.session, name);
  // its key is the first one again, which is free by now
  const behind = mutex.lock();
  behind.catch(() => undefined);
  await inLine(mutex, 2);
  expect(await keys()).toEqual([key, key.replace(/-1$/, "")]);
  const again = new Mutex(await restarted(former), name);
  const lock = await again.lock({ signal: AbortSignal.timeout(5_000) });
  expect(lock).toMatchObject({ held: true, key, fencingToken });
});

test("a call that is cancelled once it has found its place gives that up", async () => {
  const former = await asked(2);
  const second = (await keys())[1];
  const session = await restarted(former);
  const stop = new AbortController();
  const cancelled = new Mutex(session, name).lock({ signal: stop.signal });
  // the former keys are being read
  stop.abort(new Error("enough"));
  await expect(cancelled).rejects.toThrow("enough");
  await expect.poll(keys).toEqual([second]);
  expect(session.signal.aborted).toBe(false);
});

test("as many calls as before, at the same time: each takes one place, and holds in turn", async () => {
  const former = await asked(3);
  await (await former.locks[0])?.release();
  const before = await keys();
  expect(before).toHaveLength(2);
  const mutex = new Mutex(await restarted(former), name);
  const held: string[] = [];
  await Promise.all(
    [1, 2].map(() =>
      mutex.withLock(({ key }) => {
        held.push(key);
      }),
    ),
  );
  expect(held).toEqual(before);
  expect(await keys()).toEqual([]);
});

test("one call more than before waits behind", async () => {
  const former = await asked(1);
  const [key] = await keys();
  const mutex = new Mutex(await restarted(former), name);
  const locks = [mutex.lock(), mutex.lock()];
  const first = await Promise.race(locks);
  expect(first.key).toBe(key);
  await inLine(mutex, 2);
  await first.release();
  const [a, b] = await Promise.all(locks);
  expect([a, b].map((lock) => lock?.key)).toContain(`${key}-1`);
});

test("calls one after the other take up what is left of the former life first", async () => {
  const former = await asked(3);
  const before = await keys();
  const mutex = new Mutex(await restarted(former), name);
  const held: string[] = [];
  for (const _ of before) {
    await mutex.withLock(({ key }) => {
      held.push(key);
    });
  }
  expect(held).toEqual(before);
  expect(await keys()).toEqual([]);
});

test("it leaves the keys of others alone, also of a lease whose id begins like its own", async () => {
  const former = await asked(1);
  const [key = ""] = await keys();
  await testClient().put(`${key}0`).value("");
  await testClient().put(`${key}-1`).value("");
  await testClient().put(`${key}-x`).value("").lease(`${former.session.leaseId}`);
  const lock = await new Mutex(await restarted(former), name).lock();
  expect(lock.key).toBe(key);
  await lock.release();
  expect(await keys()).toEqual([`${key}0`, `${key}-1`, `${key}-x`]);
});

test("one call more than before takes none of the keys of others", async () => {
  const former = await asked(1);
  const [key = ""] = await keys();
  const others = [`${key}-x`, `${key}-5`];
  await testClient().put(`${key}-x`).value("").lease(`${former.session.leaseId}`);
  await testClient().put(`${key}-5`).value("");
  const mutex = new Mutex(await restarted(former), name);
  const first = await mutex.lock();
  const waiting = mutex.lock();
  await inLine(mutex, 4);
  expect(await keys()).toEqual([key, ...others, `${key}-1`]);
  for (const other of others) await testClient().delete().key(other);
  await first.release();
  expect(await waiting).toMatchObject({ held: true, key: `${key}-1` });
});

test.each(["lock", "tryLock"] as const)(
  "%s writes its own value on the key of the former life",
  async (verb) => {
    const former = await openSession({ ttl: 20 });
    const { key, fencingToken } = await new Mutex(former, name).lock({ value: "pid 1" });
    former.orphan();
    const mutex = new Mutex(await openSession({ leaseId: former.leaseId }), name);
    await mutex[verb]({ value: "pid 2" });
    const [first] = await mutex.contenders();
    expect(first).toMatchObject({ key, fencingToken, value: Buffer.from("pid 2") });
  },
);
