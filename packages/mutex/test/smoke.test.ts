import { once } from "node:events";
import { Mutex, SessionClosedError } from "@etcdkit/mutex";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { startHolder } from "./holder.js";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// Run on every supported etcd: what a version could do otherwise.

async function keysUnder(prefix: string): Promise<string[]> {
  return await testClient().getAll().prefix(prefix).keys();
}

test("one locks, the other one waits, and holds when the first releases", async () => {
  const name = `${testPrefix()}lock`;
  const [s1, s2] = [await openSession(), await openSession()];
  const [m1, m2] = [new Mutex(s1, name), new Mutex(s2, name)];
  const first = await m1.lock();
  expect(first).toMatchObject({ held: true, name });
  expect(await m2.tryLock()).toBeUndefined();
  let second = m2.lock();
  await inLine(m2, 2);
  let won = false;
  second = second.finally(() => {
    won = true;
  });
  expect(await m2.tryLock()).toBeUndefined();
  expect(won).toBe(false);
  expect(first.held).toBe(true);
  await first.release();
  const lock = await second;
  expect(first.held).toBe(false);
  expect(lock.held).toBe(true);
  expect(lock.fencingToken).toBeGreaterThan(first.fencingToken);
  await lock.release();
  expect(await keysUnder(name)).toEqual([]);
});

test("tryLock takes a free lock", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const lock = await mutex.tryLock();
  expect(lock?.held).toBe(true);
  expect(await mutex.contenders()).toHaveLength(1);
});

test("withLock holds while the work runs, and releases also when it throws", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  const lengths = async () => (await mutex.contenders()).length;
  expect(await mutex.withLock(lengths)).toBe(1);
  expect(await lengths()).toBe(0);
  const oops = new Error("oops");
  const failing = mutex.withLock(async ({ held }) => {
    expect([held, await lengths()]).toEqual([true, 1]);
    throw oops;
  });
  await expect(failing).rejects.toBe(oops);
  expect(await lengths()).toBe(0);
});

test("contenders stand in order, with their values; the first one holds", async () => {
  const name = `${testPrefix()}lock`;
  const sessions = [await openSession(), await openSession(), await openSession()];
  const locks = [];
  for (const [index, session] of sessions.entries()) {
    const mutex = new Mutex(session, name);
    locks.push(mutex.lock({ value: index === 1 ? Buffer.from([0, 255]) : `value ${index}` }));
    await inLine(mutex, index + 1);
  }
  const line = await new Mutex(await openSession(), name).contenders();
  expect(line.map(({ leaseId }) => leaseId)).toEqual(sessions.map(({ leaseId }) => leaseId));
  const values = ["value 0", Buffer.from([0, 255]), "value 2"].map((value) => Buffer.from(value));
  expect(line.map(({ value }) => value)).toEqual(values);
  for (const [index, lock] of locks.entries()) {
    const { key, fencingToken } = await lock;
    expect({ key, fencingToken }).toEqual({
      key: line[index]?.key,
      fencingToken: line[index]?.fencingToken,
    });
    await (await lock).release();
  }
});

test("two locks of one name on one session exclude each other", async () => {
  const name = `${testPrefix()}lock`;
  const session = await openSession();
  const mutex = new Mutex(session, name);
  const hex = session.leaseId.toString(16);
  const first = await mutex.lock();
  expect(first.key).toBe(`${name}/${hex}`);
  expect(await new Mutex(session, name).tryLock()).toBeUndefined();
  const waiting = new Mutex(session, name).lock();
  await inLine(mutex, 2);
  expect((await keysUnder(name)).sort()).toEqual([`${name}/${hex}`, `${name}/${hex}-1`]);
  await first.release();
  const second = await waiting;
  expect(second.key).toBe(`${name}/${hex}-1`);
  const third = mutex.lock();
  await inLine(mutex, 2);
  await second.release();
  // the first name is free again
  expect((await third).key).toBe(`${name}/${hex}`);
});

test("a process started again with the lease of its former life finds its lock", async () => {
  const name = `${testPrefix()}lock`;
  const hosts = sharedEtcd().endpoints;
  const { program, leaseId, fencingToken, key } = await startHolder({ hosts, name, ttl: 10 });
  program.process.kill("SIGKILL");
  expect(await program.ended).toBe("SIGKILL");
  const session = await openSession({ leaseId });
  expect(session.ttl).toBe(10);
  const lock = await new Mutex(session, name).lock();
  expect({ key: lock.key, fencingToken: lock.fencingToken }).toEqual({ key, fencingToken });
  expect(lock.held).toBe(true);
});

test("a waiter started again with its lease has the place it had", async () => {
  const name = `${testPrefix()}lock`;
  const [holding, waiting, behind] = [
    await openSession(),
    await openSession(),
    await openSession(),
  ];
  const mutex = new Mutex(holding, name);
  const holder = await mutex.lock();
  const before = expect(new Mutex(waiting, name).lock()).rejects.toThrow(SessionClosedError);
  const [, place] = await inLine(mutex, 2);
  const last = new Mutex(behind, name).lock();
  await inLine(mutex, 3);
  waiting.orphan();
  await before;
  const again = new Mutex(await openSession({ leaseId: waiting.leaseId }), name).lock();
  await holder.release();
  const lock = await again;
  expect({ key: lock.key, fencingToken: lock.fencingToken }).toEqual({
    key: place?.key,
    fencingToken: place?.fencingToken,
  });
  expect((await inLine(mutex, 2))[0]?.key).toBe(lock.key);
  await lock.release();
  await last;
});

test("tryLock that finds a waiter's key of its former life takes it away", async () => {
  const name = `${testPrefix()}lock`;
  const [holding, waiting] = [await openSession(), await openSession()];
  const mutex = new Mutex(holding, name);
  const holder = await mutex.lock();
  const before = expect(new Mutex(waiting, name).lock()).rejects.toThrow(SessionClosedError);
  await inLine(mutex, 2);
  waiting.orphan();
  await before;
  const session = await openSession({ leaseId: waiting.leaseId });
  expect(await new Mutex(session, name).tryLock()).toBeUndefined();
  await inLine(mutex, 1);
  expect(holder.held).toBe(true);
});

test("a namespace confines every key", async () => {
  const prefix = testPrefix();
  const inside = new Mutex(await openSession({ namespace: prefix }), "lock");
  const outside = new Mutex(await openSession(), `${prefix}lock`);
  const lock = await inside.lock();
  expect(await keysUnder(prefix)).toEqual([`${prefix}${lock.key}`]);
  expect(lock.key).toMatch(/^lock\/[0-9a-f]+$/);
  // the same key seen from outside: one line
  const waiting = outside.lock();
  await inLine(inside, 2);
  await lock.release();
  const second = await waiting;
  const third = inside.lock();
  await inLine(inside, 2);
  await second.release();
  const { succeeded } = await (await third)
    .guard()
    .then((await openSession({ namespace: prefix })).connection.client.put("written").value("1"))
    .commit();
  expect(succeeded).toBe(true);
  expect(await testClient().get(`${prefix}written`).string()).toBe("1");
});

test("await using releases", async () => {
  const name = `${testPrefix()}lock`;
  const mutex = new Mutex(await openSession(), name);
  {
    await using lock = await mutex.lock();
    expect(await keysUnder(name)).toEqual([lock.key]);
  }
  expect(await keysUnder(name)).toEqual([]);
});

test("a guarded write happens while we hold, and not after", async () => {
  const name = `${testPrefix()}lock`;
  const session = await openSession();
  const { client } = session.connection;
  const mutex = new Mutex(session, name);
  const lock = await mutex.lock();
  const write = (value: string) => lock.guard().then(client.put(`${name}-state`).value(value));
  // as `await` does where commit() was forgotten, which TypeScript would not let through
  const forgotten = Promise.resolve<unknown>(write("forgotten"));
  await expect(forgotten).rejects.toThrow("await its commit()");
  const late = write("late");
  expect((await write("in time").commit()).succeeded).toBe(true);
  await lock.release();
  await mutex.lock();
  expect((await late.commit()).succeeded).toBe(false);
  expect(() => lock.guard()).toThrow(expect.objectContaining({ code: "RELEASED" }));
  expect(await client.get(`${name}-state`).string()).toBe("in time");
});

test.for(["session", "connection"] as const)(
  "closing the %s ends its wait, and its key is gone",
  async (what) => {
    const name = `${testPrefix()}lock`;
    const [holding, waiting] = [await openSession(), await openSession()];
    const lock = await new Mutex(holding, name).lock();
    const wait = new Mutex(waiting, name).lock();
    const outcome = expect(wait).rejects.toBeInstanceOf(SessionClosedError);
    await inLine(new Mutex(holding, name), 2);
    await (what === "session" ? waiting.close() : waiting.connection.close());
    await outcome;
    if (what === "connection") {
      const closed = { code: "CONNECTION_CLOSED" };
      await expect(new Mutex(waiting, name).contenders()).rejects.toMatchObject(closed);
    }
    expect(await keysUnder(name)).toEqual([lock.key]);
    expect(lock.held).toBe(true);
  },
);

test("names that continue each other after a slash are warned of, once", async () => {
  const name = `${testPrefix()}a`;
  const [outer, inner] = [await openSession(), await openSession()];
  const warned = once(process, "warning");
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on("warning", hear);
  onTestFinished(() => void process.off("warning", hear));
  for (const suffix of ["b", "c"]) await new Mutex(inner, `${name}/${suffix}`).lock();
  const abandon = new AbortController();
  const wait = new Mutex(outer, name).lock({ signal: abandon.signal });
  const [warning] = await warned;
  expect(warning).toMatchObject({ name: "EtcdkitWarning", code: "ETCDKIT_NAME_OVERLAP" });
  expect(warning.message).toContain(`${name}/b/`);
  abandon.abort("enough");
  await expect(wait).rejects.toBe("enough");
  expect(warnings).toEqual([warning]);
});
