import { sharedEtcd } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { connect, Session, type SessionState } from "../src/index.js";
import { leaseOf } from "../src/internal.js";

async function open() {
  const etcd = connect({ hosts: sharedEtcd().endpoints });
  onTestFinished(() => etcd.close());
  const session = await Session.open(etcd, { ttl: 10 });
  const lease = leaseOf(session);
  const observe = lease.observe.bind(lease);
  let observers = 0;
  lease.observe = (listener) => {
    const stop = observe(listener);
    observers++;
    return () => {
      observers--;
      stop();
    };
  };
  return { session, lease, observers: () => observers };
}

const DONE = { value: undefined, done: true };

it("a return while a read waits ends both, and nothing of it stays", async () => {
  const { session, observers } = await open();
  const states = session.states()[Symbol.asyncIterator]();
  expect(await states.next()).toEqual({ value: "connected", done: false });
  const waiting = states.next();
  expect(observers()).toBe(1);
  expect(await states.return?.()).toEqual(DONE);
  expect(await waiting).toEqual(DONE);
  expect(await states.next()).toEqual(DONE);
  expect(observers()).toBe(0);
});

it("a slow reader misses nothing, and the end comes after the last", async () => {
  const { session, lease, observers } = await open();
  const states = session.states()[Symbol.asyncIterator]();
  lease.suspended(true);
  lease.suspended(false);
  await session.close();
  expect(observers()).toBe(0);
  const seen: SessionState[] = [];
  for (let told = await states.next(); !told.done; told = await states.next()) {
    seen.push(told.value);
  }
  expect(seen).toEqual(["connected", "suspended", "connected", "closed"]);
});

it("two reads that wait for the last state: one has it, the other the end", async () => {
  const { session } = await open();
  const states = session.states()[Symbol.asyncIterator]();
  await states.next();
  const reads = [states.next(), states.next()];
  await session.close();
  expect(await Promise.all(reads)).toEqual([{ value: "closed", done: false }, DONE]);
});

it("one iterable can be read by several, each from the state of that moment; a session that is over has its last one to tell", async () => {
  const { session, lease, observers } = await open();
  const states = session.states();
  const first = async () => {
    for await (const state of states) return state;
    return undefined;
  };
  expect(await first()).toBe("connected");
  lease.suspended(true);
  expect(await first()).toBe("suspended");
  await session.close();
  const seen: SessionState[] = [];
  for await (const state of states) seen.push(state);
  expect(seen).toEqual(["closed"]);
  expect(observers()).toBe(0);
});

it("a reader whose signal has aborted is told nothing", async () => {
  const { session, observers } = await open();
  for await (const _ of session.states({ signal: AbortSignal.abort() })) throw new Error("told");
  expect(observers()).toBe(0);
});
