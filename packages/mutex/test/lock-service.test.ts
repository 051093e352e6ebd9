import { Mutex } from "@etcdkit/mutex";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// etcd's own lock service (v3lock), asked in JSON, stands in the same line.

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Calls `/v3/lock/<verb>`. Bytes are base64, as in all of etcd's JSON. */
async function service(verb: "lock" | "unlock", body: object): Promise<{ key?: string }> {
  const url = `http://${sharedEtcd().endpoints[0]}/v3/lock/${verb}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as { key?: string };
}

/** Waits for the lock by the service; resolves with the key it holds by. */
async function serviceLock(name: string): Promise<string> {
  const { ID } = await testClient().leaseClient.leaseGrant({ TTL: 30 });
  const { key = "" } = await service("lock", { name: base64(name), lease: ID });
  return Buffer.from(key, "base64").toString();
}

test("the lock service holds, we wait; it unlocks, we hold", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const theirs = await serviceLock(name);
  expect(await mutex.tryLock()).toBeUndefined();
  const waiting = mutex.lock();
  const [first, second] = await inLine(mutex, 2);
  expect(first?.key).toBe(theirs);
  await service("unlock", { key: base64(theirs) });
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
  await service("unlock", { key: base64(await theirs) });
  expect((await mutex.tryLock())?.held).toBe(true);
});
