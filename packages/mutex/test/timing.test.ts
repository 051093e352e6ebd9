import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { openConnection } from "@etcdkit/core/internal";
import { ManualClock, startEtcd, startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  KeyDeletedError,
  Mutex,
  Session,
  SessionClosedError,
  SessionExpiredError,
} from "../src/index.js";
import { counted } from "./counted.js";

// The clock is turned by hand, the etcd behind it is real: a TTL of an hour, so that etcd's own clock plays no part.
const TTL = 3_600;
const UNTIL_LOST_MS = TTL * 900;
/** Between two attempts of a call. */
const LONGEST_PAUSE_MS = 500;

let clock: ManualClock;
let name: string;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  name = `${testPrefix()}lock`;
});

/** A session on a connection of its own, on the clock turned by hand. */
async function openSession(hosts: string | string[] = sharedEtcd().endpoints): Promise<Session> {
  const etcd = openConnection({ hosts }, clock);
  onTestFinished(() => etcd.close());
  const session = await answered(Session.open(etcd, { ttl: TTL }));
  onTestFinished(() => session.close());
  return session;
}

/** The pause after an attempt without an answer, on a busy machine say, is on the clock: it is turned. */
async function answered<T>(call: Promise<T>): Promise<T> {
  let over = false;
  const settled = call.finally(() => {
    over = true;
  });
  await eventually(() => {
    const pauseMs = (clock.nextAt ?? Infinity) - clock.now();
    if (!over && pauseMs <= LONGEST_PAUSE_MS) clock.advance(pauseMs);
    return over;
  });
  return settled;
}

async function mutex(hosts?: string | string[]): Promise<Mutex> {
  return new Mutex(await openSession(hosts), name);
}

const keys = () => testClient().getAll().prefix(`${name}/`).keys();

describe("after a stall in which no timer ran", () => {
  it("a holder does not hold, and is refused a guard", async () => {
    const lock = await (await mutex()).lock();
    clock.jump(UNTIL_LOST_MS - 1);
    expect(lock.held).toBe(true);
    clock.jump(1);
    expect(lock.held).toBe(false);
    expect(() => lock.guard()).toThrow(SessionExpiredError);
    expect(lock.signal.aborted).toBe(true);
  });

  it("a waiter whose turn has come meanwhile does not win", async () => {
    await testClient().put(`${name}/stranger`).value("");
    const waiting = (await mutex()).lock();
    const rejected = expect(waiting).rejects.toThrow(SessionExpiredError);
    await eventually(async () => (await keys()).length === 2);
    clock.jump(UNTIL_LOST_MS);
    await testClient().delete().key(`${name}/stranger`);
    await rejected;
  });

  it("a request that was first in line by the time of its answer does not win", async () => {
    const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
    onTestFinished(() => proxy.close());
    const contender = await mutex(proxy.endpoint);
    await contender.contenders(); // connected from here on
    proxy.stall({ direction: "down" });
    const locking = contender.lock();
    const rejected = expect(locking).rejects.toThrow(SessionExpiredError);
    await eventually(async () => (await keys()).length === 1);
    clock.jump(UNTIL_LOST_MS);
    proxy.resume();
    await rejected;
  });
});

it("a release that etcd does not answer is over with the lease, without an error", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const contender = await mutex(proxy.endpoint);
  const lock = await answered(contender.lock());
  proxy.stall();
  const releasing = lock.release();
  clock.jump(UNTIL_LOST_MS);
  expect(await answered(releasing)).toBeUndefined();
  expect(lock.held).toBe(false);
  proxy.resume();
});

it("a lock that nobody else wants is two calls, one to take it and one to release it", async () => {
  // its own: its calls are counted; while no time passes the line is not looked at
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const contender = new Mutex(await openSession(server.endpoints), name);
  const calls = () =>
    Promise.all(["unary", "Txn"].map((which) => counted(server, "started", which)));
  const [unary = 0, transactions = 0] = await calls();
  const lock = await contender.lock();
  expect(await calls()).toEqual([unary + 1, transactions + 1]);
  await lock.release();
  expect(await calls()).toEqual([unary + 2, transactions + 2]);
});

it("a holder who met nobody hears that its key is deleted from a quarter of a second on", async () => {
  const lock = await (await mutex()).lock();
  clock.advance(249);
  await testClient().delete().key(lock.key);
  expect(lock.held).toBe(true);
  clock.advance(1);
  await eventually(() => lock.signal.aborted);
  expect(lock.signal.reason).toBeInstanceOf(KeyDeletedError);
});

describe("whoever is the first to be told of a loss, and looks around", () => {
  it("finds the session lost, which is said once", async () => {
    const session = await openSession();
    const lock = await new Mutex(session, name).lock();
    const said: unknown[] = [];
    const note = (message: unknown) => void said.push(message);
    subscribe("etcdkit:session:state", note);
    onTestFinished(() => void unsubscribe("etcdkit:session:state", note));
    const looks: unknown[] = [];
    lock.signal.addEventListener("abort", () => looks.push(session.state, session.remainingMs));
    clock.jump(UNTIL_LOST_MS);
    expect(lock.held).toBe(false);
    expect(looks).toEqual(["expired", 0]);
    expect(said).toMatchObject([{ from: "connected", to: "expired" }]);
  });

  it("is refused the guard of another lock for the same reason", async () => {
    const session = await openSession();
    const first = await new Mutex(session, name).lock();
    const second = await new Mutex(session, `${name}-too`).lock();
    const refused = new Promise((resolve) => {
      first.signal.addEventListener("abort", () => {
        try {
          resolve(second.guard());
        } catch (error) {
          resolve(error);
        }
      });
    });
    session.orphan();
    expect(await refused).toBeInstanceOf(SessionClosedError);
  });

  it("cannot lock any more, and leaves no key", async () => {
    const session = await openSession();
    const lock = await new Mutex(session, name).lock();
    const again = new Promise((resolve) => {
      lock.signal.addEventListener("abort", () => resolve(new Mutex(session, name).lock()));
    });
    const refused = expect(again).rejects.toThrow(SessionClosedError);
    session.orphan();
    await refused;
    expect(await keys()).toEqual([lock.key]);
  });
});
