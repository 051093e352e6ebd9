import { Barrier, DoubleBarrier } from "@etcdkit/barrier";
import { type Connection, CoordinationError, connect } from "@etcdkit/core";
import { Election, lead } from "@etcdkit/election";
import { Group } from "@etcdkit/liveness";
import { Mutex } from "@etcdkit/mutex";
import { RWMutex } from "@etcdkit/rwmutex";
import { Session } from "@etcdkit/session";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import type { Etcd3 } from "etcd3";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// Whatever is given to the public face: an answer or a typed error, never a key outside the namespace, never one left behind.
const NAMESPACE = "fuzz\u{1f510}/";
const RUNS = 120;

let server: EtcdServer;
let client: Etcd3;
let etcd: Connection;
let session: Session;

beforeAll(async () => {
  // its own: what is asserted is about all of its keys
  server = await startEtcd({ own: true });
  client = server.client();
  etcd = connect({ hosts: server.endpoints, namespace: NAMESPACE });
  session = await Session.open(etcd, { ttl: 60 });
}, 60_000);
afterAll(async () => {
  await etcd.close();
  await server.stop();
});

/** What may be thrown at a user, besides the reason of a signal. */
function expectTyped(error: unknown): void {
  const typed =
    error instanceof TypeError || error instanceof RangeError || error instanceof CoordinationError;
  if (!typed && !isGivenUp(error)) throw error;
}

const isGivenUp = (error: unknown) =>
  error instanceof DOMException && error.name === "TimeoutError";
const soon = () => AbortSignal.timeout(200);

/** Whether it did what was asked. */
async function tried(call: () => unknown): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    expectTyped(error);
    return false;
  }
}

async function keys(): Promise<string[]> {
  return client.getAll().keys("utf8");
}

/** Text with a bias to what keys are made of, and any text at all. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom("/", "-", "a", "\0", "\ud800", "%", "..", " "),
    maxLength: 12,
  }),
);
const value = fc.oneof(text, fc.uint8Array({ maxLength: 4_096 }).map(Buffer.from));
const anything = fc.oneof(fc.anything({ withBigInt: true, withDate: true }), text, value);
const options = fc.oneof(
  anything,
  fc.dictionary(
    fc.constantFrom(
      ...["value", "signal", "ttl", "safetyMarginMs", "leaseId", "onChange", "stubbornAfterMs"],
      ...["session", "onHolderLost", "count", "id", "metadata", "takeOver", "suspect"],
    ),
    anything,
  ),
);

/** Takes whatever it is given, as plain JavaScript does. */
const untyped = (given: unknown) => given as never;
const withSignal = (given: unknown) =>
  untyped(typeof given === "object" && given !== null ? { signal: soon(), ...given } : given);

const calls: Record<string, (name: unknown, given: unknown) => Promise<unknown>> = {
  mutex: async (name, given) => {
    const lock = await new Mutex(session, untyped(name)).lock(withSignal(given));
    await lock.release();
  },
  "mutex, tried": async (name, given) => {
    await (await new Mutex(session, untyped(name)).tryLock(withSignal(given)))?.release();
  },
  "mutex, with lock": async (name, given) => {
    const mutex = new Mutex(session, untyped(name));
    await tried(() => mutex.withLock(untyped(given)));
    await mutex.withLock(({ held }) => expect(held).toBe(true), withSignal(given));
  },
  guard: async (name) => {
    const lock = await new Mutex(session, untyped(name)).lock();
    const write = etcd.client.put("guarded").value("");
    expect((await lock.guard().then(write).commit()).succeeded).toBe(true);
    await etcd.client.delete().key("guarded");
    await lock.release();
    expect(await tried(() => lock.guard())).toBe(false);
  },
  "read lock": async (name, given) => {
    await (await new RWMutex(session, untyped(name)).readLock(withSignal(given))).release();
  },
  "write lock": async (name, given) => {
    const lock = await new RWMutex(session, untyped(name)).writeLock(withSignal(given));
    await (await lock.downgrade()).release();
  },
  election: async (name, given) => {
    const election = new Election(session, untyped(name));
    const leadership = await election.campaign(untyped(given), { signal: soon() });
    await tried(() => leadership.proclaim(untyped(given)));
    await leadership.resign();
  },
  "election, options": async (name, given) => {
    const leadership = await new Election(session, untyped(name)).campaign("v", withSignal(given));
    await leadership.resign();
  },
  observe: async (name, given) => {
    // there is a first thing to tell, or it is refused
    for await (const _ of new Election(session, untyped(name)).observe(untyped(given))) return;
  },
  lead: async (name, given) => {
    const end = new AbortController();
    const full = typeof given === "object" ? { value: "v", ...given, signal: end.signal } : given;
    await tried(() => lead(etcd, untyped(name), untyped(given), untyped(given)));
    await lead(etcd, untyped(name), untyped(full), async () => end.abort());
  },
  barrier: async (name, given) => {
    const barrier = new Barrier(etcd, untyped(name));
    try {
      await barrier.hold(untyped(given));
    } finally {
      await barrier.release();
    }
  },
  "double barrier": async (name, given) => {
    const given1 = typeof given === "object" ? { count: 1, ...given } : given;
    const barrier = new DoubleBarrier(session, untyped(name), untyped(given1));
    await barrier.enter({ signal: soon() });
    await barrier.leave({ signal: soon() });
  },
  "barrier, waited at": async (name, given) => {
    await new Barrier(etcd, untyped(name)).wait(untyped(given));
  },
  "double barrier, entered": async (name, given) => {
    const barrier = new DoubleBarrier(session, untyped(name), { count: 1 });
    await barrier.enter(untyped(given));
    await barrier.leave();
  },
  "double barrier, left": async (name, given) => {
    const barrier = new DoubleBarrier(session, untyped(name), { count: 1 });
    await barrier.enter();
    try {
      await barrier.leave(untyped(given));
    } catch (error) {
      await barrier.leave();
      throw error;
    }
  },
  group: async (name, given) => {
    const group = new Group(etcd, untyped(name));
    const full = typeof given === "object" ? { id: "m", signal: soon(), ...given } : given;
    const member = await group.join(untyped(full));
    await tried(() => member.update(untyped(given)));
    await member.leave();
  },
  "group, metadata": async (name, given) => {
    const group = new Group(etcd, untyped(name));
    await (await group.join({ id: "m", metadata: untyped(given) })).leave();
  },
  "group, id": async (id) => {
    const member = await new Group(etcd, "group").join({ id: untyped(id) });
    expect([...(await new Group(etcd, "group").members()).keys()]).toContain(id);
    await member.leave();
  },
  "group, watched": async (name, given) => {
    const group = new Group(etcd, untyped(name));
    const member = await group.join({ id: "m" });
    try {
      // a member that is there is told of
      for await (const { type } of group.watch(untyped(given))) return expect(type).toBe("joined");
    } finally {
      await member.leave();
    }
  },
  "session, adopted": async (_, given) => {
    const former = await Session.open(etcd, { ttl: 5 });
    former.orphan();
    const { leaseId } = former;
    const full =
      typeof given === "object" ? { leaseId, signal: soon(), ...given } : { leaseId: given };
    await (await Session.open(etcd, untyped(full))).close();
  },
  session: async (_, given) => {
    await (await Session.open(etcd, withSignal(given))).close();
  },
  connect: async (name, given) => {
    await tried(() => connect(untyped(given)).close());
    await connect({ hosts: server.endpoints, namespace: untyped(name) }).close();
  },
};

describe("whatever is given to", () => {
  it.each(Object.entries(calls))(
    "%s",
    async (_, call) => {
      let [done, refused] = [0, 0];
      const property = fc.asyncProperty(fc.oneof(text, anything), options, async (name, given) => {
        if (await tried(() => call(name, given))) done++;
        else refused++;
        for (const key of await keys()) expect(key.startsWith(NAMESPACE)).toBe(true);
      });
      await fc.assert(property, { numRuns: RUNS });
      expect(done).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
    },
    120_000,
  );

  it("all of them: none has left a key behind but what is meant to stay", async () => {
    await eventually(async () => {
      // goodbyes, until their leases run out; and the `ready` of whoever was in a double barrier and did not get to leave it in time
      const stays = (key: string) => key.includes("/left/") || key.endsWith("/ready");
      expect((await keys()).filter((key) => !stays(key))).toEqual([]);
      return true;
    });
    expect(session.state).toBe("connected");
  });
});
