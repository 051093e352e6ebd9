import { KeyDeletedError, Mutex, type Session, SessionExpiredError } from "@etcdkit/mutex";
import { leaseOf } from "@etcdkit/session/internal";
import { etcdctl } from "@etcdkit/test-support/etcdctl";
import { eventually, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// An operator takes the key or the lease away, and whoever had it hears of it within a second, and what it was.

interface Removal {
  what: string;
  remove(session: Session, key: string): Promise<string>;
  reason: typeof KeyDeletedError | typeof SessionExpiredError;
  /** Whether the session is still good afterwards. */
  sessionLives: boolean;
}

const removals: Removal[] = [
  {
    what: "key deleted",
    remove: (_, key) => etcdctl("del", key),
    reason: KeyDeletedError,
    sessionLives: true,
  },
  {
    what: "lease revoked",
    remove: ({ leaseId }) => etcdctl("lease", "revoke", leaseId.toString(16)),
    reason: SessionExpiredError,
    sessionLives: false,
  },
];
const table = removals.map((removal) => [removal.what, removal] as const);
const WITHIN_MS = 1_000;

function aborted({ signal }: { signal: AbortSignal }) {
  return eventually(() => signal.aborted, { withinMs: WITHIN_MS, what: "the signal" });
}

test.for(table)("%s: a holder who met nobody hears of it", async ([, removal]) => {
  const session = await openSession();
  const lock = await new Mutex(session, `${testPrefix()}lock`).lock();
  await removal.remove(session, lock.key);
  await aborted(lock);
  expect(lock.signal.reason).toBeInstanceOf(removal.reason);
  expect(lock.held).toBe(false);
  expect(() => lock.guard()).toThrow(removal.reason);
  expect(session.signal.aborted).toBe(!removal.sessionLives);
  await lock.release();
});

test.for(table)(
  "%s: a holder with others behind it hears of it, and the next one holds",
  async ([, removal]) => {
    const name = `${testPrefix()}lock`;
    const session = await openSession();
    const first = await new Mutex(await openSession(), name).lock();
    const second = new Mutex(session, name).lock();
    await inLine(new Mutex(session, name), 2);
    await first.release();
    const lock = await second;
    const third = new Mutex(await openSession(), name).lock();
    await inLine(new Mutex(session, name), 2);
    await removal.remove(session, lock.key);
    await aborted(lock);
    expect(lock.signal.reason).toBeInstanceOf(removal.reason);
    expect((await third).held).toBe(true);
  },
);

test.for(table)("%s: a waiter hears of it", async ([, removal]) => {
  const name = `${testPrefix()}lock`;
  const [holding, session] = [await openSession(), await openSession()];
  const lock = await new Mutex(holding, name).lock();
  const wait = new Mutex(session, name).lock();
  let outcome: unknown;
  wait.then(
    () => {
      outcome = "a lock";
    },
    (error) => {
      outcome = error;
    },
  );
  await inLine(new Mutex(holding, name), 2);
  await removal.remove(session, `${name}/${session.leaseId.toString(16)}`);
  await eventually(() => outcome, { withinMs: WITHIN_MS, what: "the rejection" });
  expect(outcome).toBeInstanceOf(removal.reason);
  expect(session.signal.aborted).toBe(!removal.sessionLives);
  // the others hear nothing
  expect(lock.held).toBe(true);
  if (removal.sessionLives) {
    const again = new Mutex(session, name).lock();
    await lock.release();
    expect((await again).held).toBe(true);
  }
});

test.for(table)(
  "%s: a holder that looks before its signal can say why is told that its key is gone",
  async ([, removal]) => {
    const session = await openSession();
    const lock = await new Mutex(session, `${testPrefix()}lock`).lock();
    const removed = removal.remove(session, lock.key);
    while (lock.held) await new Promise((next) => setImmediate(next));
    // etcd is being asked whether the lease is still there
    expect(lock.signal.aborted).toBe(false);
    expect(() => lock.guard()).toThrow(KeyDeletedError);
    await lock.release();
    expect(lock.signal.reason).toBeInstanceOf(removal.reason);
    expect(() => lock.guard()).toThrow(removal.reason);
    await removed;
  },
);

test("a key that is deleted and put again by another is not ours any more", async () => {
  const session = await openSession();
  const mutex = new Mutex(session, `${testPrefix()}lock`);
  const lock = await mutex.lock();
  const { client } = session.connection;
  const guarded = lock.guard().then(client.put(`${lock.key}-state`).value("mine"));
  await etcdctl("del", lock.key);
  await etcdctl("put", lock.key, "an impostor");
  await aborted(lock);
  expect(lock.signal.reason).toBeInstanceOf(KeyDeletedError);
  expect((await guarded.commit()).succeeded).toBe(false);
  await lock.release();
  // nor is it ours to delete
  expect((await mutex.contenders()).map(({ value }) => `${value}`)).toEqual(["an impostor"]);
  await etcdctl("del", lock.key);
});

test("a key of another lease under the name that would be ours is told of, and left alone", async () => {
  const name = `${testPrefix()}lock`;
  const [session, stranger] = [await openSession(), await openSession()];
  const mutex = new Mutex(session, name);
  const key = `${name}/${session.leaseId.toString(16)}`;
  await session.connection.client.put(key).value("theirs").lease(`${stranger.leaseId}`);
  const taken = { code: "KEY_TAKEN", message: expect.stringContaining(key) };
  await expect(mutex.tryLock()).rejects.toMatchObject(taken);
  await expect(mutex.lock()).rejects.toMatchObject(taken);
  await eventually(() => !leaseOf(session).usesKey(key), { what: "the end of the clean-up" });
  const line = await new Mutex(stranger, name).contenders();
  expect(line.map(({ value }) => `${value}`)).toEqual(["theirs"]);
});

test("a release before that is heard of takes away nothing that is not ours", async () => {
  const session = await openSession();
  const mutex = new Mutex(session, `${testPrefix()}lock`);
  const lock = await mutex.lock();
  const { client } = session.connection;
  await client.delete().key(lock.key);
  await client.put(lock.key).value("an impostor");
  await lock.release();
  expect((await mutex.contenders()).map(({ value }) => `${value}`)).toEqual(["an impostor"]);
  await client.delete().key(lock.key);
});

test("a key that is written over is still ours", async () => {
  const name = `${testPrefix()}lock`;
  const session = await openSession();
  const mutex = new Mutex(session, name);
  const lock = await mutex.lock();
  const other = expect(mutex.lock()).rejects.toBeInstanceOf(KeyDeletedError);
  const [, waiter] = await inLine(mutex, 2);
  await etcdctl("put", `--lease=${session.leaseId.toString(16)}`, lock.key, "a remark");
  await etcdctl("del", waiter?.key ?? "");
  // what happened before is known by then
  await other;
  expect(lock.held).toBe(true);
  const { client } = session.connection;
  const { succeeded } = await lock
    .guard()
    .then(client.put(`${name}-state`).value("mine"))
    .commit();
  expect(succeeded).toBe(true);
  await lock.release();
  expect(await mutex.contenders()).toEqual([]);
});
