import { openConnection } from "@etcdkit/core/internal";
import { ManualClock, startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { KeyDeletedError, Mutex, Session, SessionExpiredError } from "../src/index.js";

// The clock is turned by hand, the etcd behind it is real: a TTL of an hour, so that etcd's own clock plays no part.
const TTL = 3_600;
const UNTIL_LOST_MS = TTL * 900;

let clock: ManualClock;
let name: string;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  name = `${testPrefix()}lock`;
});

/** A mutex on a session and connection of its own, on the clock turned by hand. */
async function mutex(hosts: string | string[] = sharedEtcd().endpoints): Promise<Mutex> {
  const etcd = openConnection({ hosts }, clock);
  const session = await Session.open(etcd, { ttl: TTL });
  onTestFinished(async () => {
    await session.close();
    await etcd.close();
  });
  return new Mutex(session, name);
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

it("a holder who met nobody hears that its key is deleted from a quarter of a second on", async () => {
  const lock = await (await mutex()).lock();
  clock.advance(249);
  await testClient().delete().key(lock.key);
  expect(lock.held).toBe(true);
  clock.advance(1);
  await eventually(() => lock.signal.aborted);
  expect(lock.signal.reason).toBeInstanceOf(KeyDeletedError);
});
