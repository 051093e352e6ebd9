import { setTimeout as sleep } from "node:timers/promises";
import { internals } from "@etcdkit/core/internal";
import { RWMutex } from "@etcdkit/rwmutex";
import { eventually, startProxy, type TcpProxy } from "@etcdkit/testing";
import { sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { rwmutexPolicy } from "../src/order.js";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";
import { outcomeOf } from "./outcome.js";

// The request of a downgrade, or its answer, is lost on the way: what has become of it is found out.

const faults: Record<string, (proxy: TcpProxy, match: (chunk: Buffer) => boolean) => void> = {
  "the connection is reset right after the request": (proxy, match) => {
    void proxy.breakAfter({ match, how: "reset" });
  },
  "the answer is lost": (proxy, match) => {
    void proxy.breakAfter({ match, how: "mute" }).then(() => proxy.reset());
  },
  "the answer does not come": (proxy, match) => {
    void proxy.breakAfter({ match, how: "mute" });
  },
};

async function setUp() {
  const name = `${testPrefix()}rw`;
  const [target = ""] = sharedEtcd().endpoints;
  const proxy = await startProxy({ target });
  onTestFinished(() => proxy.close());
  const session = await openSession({ hosts: [proxy.endpoint], ttl: 20 });
  const others = new RWMutex(await openSession({ ttl: 20 }), name);
  // that of the downgrade is the first that names the key of a reader
  const match = (chunk: Buffer) => chunk.includes(`${name}/read/`);
  return { session, rwmutex: new RWMutex(session, name), others, proxy, match };
}

test.for(Object.entries(faults))("%s: one key, of a reader", async ([, fault]) => {
  const { session, rwmutex, others, proxy, match } = await setUp();
  const writer = await rwmutex.writeLock();
  fault(proxy, match);
  const reader = await writer.downgrade();
  expect(reader.held).toBe(true);
  expect(await others.contenders()).toMatchObject([
    { kind: "read", key: reader.key, fencingToken: reader.fencingToken },
  ]);
  expect((await others.tryReadLock())?.held).toBe(true);
  await reader.release();
  proxy.reset();
  await inLine(others, 1);
  expect(session.signal.aborted).toBe(false);
});

test.for(Object.entries(faults))(
  "%s, and a writer waits: one key, that of the writer",
  async ([, fault]) => {
    const { rwmutex, others, proxy, match } = await setUp();
    const writer = await rwmutex.writeLock();
    const next = outcomeOf(others.writeLock());
    await inLine(others, 2);
    fault(proxy, match);
    const reader = await writer.downgrade();
    expect([reader.held, reader.key]).toEqual([true, writer.key]);
    expect((await inLine(others, 2)).map(({ kind }) => kind)).toEqual(["write", "write"]);
    expect(next.settled).toBe(false);
    await reader.release();
    await eventually(() => next.value?.held);
    proxy.reset();
  },
);

test("the answer does not come, but the news of it: it is no loss", async () => {
  const { session, rwmutex, others, proxy, match } = await setUp();
  const writer = await rwmutex.writeLock();
  // the news comes by the watch of the line, which is made by the time that a call which came later is answered
  const { lines } = internals(session.connection);
  await eventually(() => lines.get(rwmutex.name, rwmutexPolicy).followed);
  await rwmutex.contenders();
  void proxy.breakAfter({ match, how: "mute" });
  const reader = await writer.downgrade();
  expect([reader.held, writer.signal.aborted]).toEqual([true, false]);
  expect(await others.contenders()).toMatchObject([{ kind: "read", key: reader.key }]);
  // a loss told by mistake would come with an answer of etcd, which takes a few milliseconds: none is to be waited for
  await sleep(100);
  expect(reader.signal.aborted).toBe(false);
});

test.for(Object.entries(faults))("%s, and it is released meanwhile: no key", async ([, fault]) => {
  const { rwmutex, others, proxy, match } = await setUp();
  const writer = await rwmutex.writeLock();
  fault(proxy, match);
  const downgrading = outcomeOf(writer.downgrade());
  await writer.release();
  await eventually(() => downgrading.settled);
  expect(downgrading.error).toMatchObject({ code: "RELEASED" });
  await inLine(others, 0);
  expect((await rwmutex.tryWriteLock())?.held).toBe(true);
});
