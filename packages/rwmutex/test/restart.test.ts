import { type Holding, RWMutex } from "@etcdkit/rwmutex";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// A process that is started again with the lease of its former life finds the places that it had, those of each kind by themselves.

test.for(["readLock", "writeLock"] as const)(
  "%s holds by the key of its second call, the first of which was released",
  async (verb) => {
    const name = `${testPrefix()}rw`;
    const former = await openSession({ ttl: 20 });
    const rwmutex = new RWMutex(former, name);
    const first = await rwmutex[verb]();
    const waiting: Promise<Holding> = rwmutex[verb]();
    await inLine(rwmutex, 2);
    await first.release();
    const { key, fencingToken } = await waiting;
    expect(key).toMatch(/-1$/);
    former.orphan();
    const again = new RWMutex(await openSession({ leaseId: former.leaseId }), name);
    const lock = await again[verb]();
    expect(lock).toMatchObject({ held: true, key, fencingToken });
    expect(await again.contenders()).toHaveLength(1);
    await lock.release();
    expect(await again.contenders()).toEqual([]);
  },
);

test("a reader and a writer behind it each find their own key", async () => {
  const name = `${testPrefix()}rw`;
  const former = await openSession({ ttl: 20 });
  const rwmutex = new RWMutex(former, name);
  const reader = await rwmutex.readLock();
  const writing = rwmutex.writeLock();
  writing.catch(() => undefined);
  const before = (await inLine(rwmutex, 2)).map(({ key }) => key);
  former.orphan();
  const again = new RWMutex(await openSession({ leaseId: former.leaseId }), name);
  const writingAgain = again.writeLock();
  const readerAgain = await again.readLock();
  expect(readerAgain.fencingToken).toBe(reader.fencingToken);
  await readerAgain.release();
  const writer = await writingAgain;
  expect([readerAgain.key, writer.key]).toEqual(before);
});
