import { Mutex } from "@etcdkit/mutex";
import { startEtcdctl } from "@etcdkit/test-support/etcdctl";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

test("our key is Go's, byte for byte: the name, a slash, the lease in hex", async () => {
  const name = `${testPrefix()}Grüße/lock`;
  const session = await openSession();
  const mutex = new Mutex(session, name);
  const theirs = await startEtcdctl("lock", "--ttl=5", name);
  const [theirKey] = await theirs.says(1);
  const ours = mutex.lock();
  const line = await inLine(mutex, 2);
  // what Go makes of a lease, and what we make of ours
  for (const { key, leaseId } of line) expect(key).toBe(`${name}/${leaseId.toString(16)}`);
  expect(line.map(({ key }) => key)).toEqual([theirKey, `${name}/${session.leaseId.toString(16)}`]);
  await theirs.end();
  await ours;
});

test("etcdctl holds, we wait; it ends, we hold", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const theirs = await startEtcdctl("lock", "--ttl=5", name);
  await theirs.says(1);
  expect(await mutex.tryLock()).toBeUndefined();
  const waiting = mutex.lock();
  const [first, second] = await inLine(mutex, 2);
  await theirs.end();
  const lock = await waiting;
  expect(lock.key).toBe(second?.key);
  expect(lock.fencingToken).toBeGreaterThan(first?.fencingToken ?? 0n);
});

test("we hold, etcdctl waits; we release, its command runs", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const lock = await mutex.lock();
  const theirs = await startEtcdctl("lock", "--ttl=5", name, "echo", "it ran");
  await inLine(mutex, 2);
  expect(theirs.lines()).toEqual([]);
  await lock.release();
  expect(await theirs.exitCode).toBe(0);
  expect(theirs.lines()).toEqual(["it ran"]);
  expect(await mutex.contenders()).toEqual([]);
});

test("etcdctl before us in line comes before us", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const holder = await mutex.lock();
  const theirs = await startEtcdctl("lock", "--ttl=5", name);
  const [, second] = await inLine(mutex, 2);
  let won = false;
  const ours = mutex.lock().finally(() => {
    won = true;
  });
  await inLine(mutex, 3);
  await holder.release();
  expect((await theirs.says(1))[0]).toBe(second?.key);
  expect((await mutex.contenders()).map(({ key }) => key)[0]).toBe(second?.key);
  expect(won).toBe(false);
  await theirs.end();
  await (await ours).release();
});

test("etcdctl behind us in line comes behind us", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const holder = await mutex.lock();
  const ours = mutex.lock();
  await inLine(mutex, 2);
  const theirs = await startEtcdctl("lock", "--ttl=5", name);
  const [, , third] = await inLine(mutex, 3);
  await holder.release();
  const lock = await ours;
  expect(theirs.lines()).toEqual([]);
  await lock.release();
  expect((await theirs.says(1))[0]).toBe(third?.key);
  await theirs.end();
});
