import { Mutex } from "@etcdkit/mutex";
import { fromBytes, jsonService, toBytes } from "@etcdkit/test-support/json-service";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// etcd's own lock service (v3lock), asked in JSON, stands in the same line.

/** Waits for the lock by the service; resolves with the key it holds by. */
async function serviceLock(name: string): Promise<string> {
  const { ID } = await testClient().leaseClient.leaseGrant({ TTL: 30 });
  const { key } = await jsonService<{ key: string }>("lock/lock", {
    name: toBytes(name),
    lease: ID,
  });
  return fromBytes(key);
}

test("the lock service holds, we wait; it unlocks, we hold", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const theirs = await serviceLock(name);
  expect(await mutex.tryLock()).toBeUndefined();
  const waiting = mutex.lock();
  const [first, second] = await inLine(mutex, 2);
  expect(first?.key).toBe(theirs);
  await jsonService("lock/unlock", { key: toBytes(theirs) });
  const lock = await waiting;
  expect(lock.key).toBe(second?.key);
  expect(lock.fencingToken).toBeGreaterThan(first?.fencingToken ?? 0n);
});

test("we hold, the lock service waits; we release, it holds", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const lock = await mutex.lock();
  let won = false;
  const theirs = serviceLock(name).finally(() => {
    won = true;
  });
  const [, second] = await inLine(mutex, 2);
  expect(won).toBe(false);
  await lock.release();
  expect(await theirs).toBe(second?.key);
  expect(await mutex.tryLock()).toBeUndefined();
  await jsonService("lock/unlock", { key: toBytes(await theirs) });
  expect((await mutex.tryLock())?.held).toBe(true);
});
