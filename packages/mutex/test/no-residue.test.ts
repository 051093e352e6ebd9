import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Lock, type LockOptions, Mutex, type Session } from "@etcdkit/mutex";
import { leaseOf } from "@etcdkit/session/internal";
import { type Direction, eventually, startProxy, type TcpProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// A wait is cancelled at every point there is, and no key of it is left, though its session lives on. (A rejection that
// nobody handles fails the run.)

interface Scene {
  /** Calls `lock` or `tryLock`. */
  call: (options: LockOptions) => Promise<Lock | undefined>;
  abort: AbortController;
  /** Before etcd, for the caller only. */
  proxy: TcpProxy;
  name: string;
  /** Resolves once a chunk that names the lock has passed this way, and calls `act` in that moment. */
  passing: (direction: Direction, act?: () => void) => Promise<void>;
  /** How many chunks that name the lock have passed this way. */
  passed: (direction: Direction) => number;
  /** The number of keys in line, by another connection. */
  keys: () => Promise<number>;
  /** Where there is one. */
  holder: Lock | undefined;
  /** From another connection. */
  watching: Mutex;
}

type Point = (scene: Scene) => Promise<Lock | undefined>;

/** Whatever the call does: it is rejected. */
const always: Record<string, Point> = {
  "before it begins": ({ call, abort }) => {
    abort.abort(why);
    return call({ signal: abort.signal });
  },
  "in the same tick": ({ call, abort }) => {
    const calling = call({ signal: abort.signal });
    abort.abort(why);
    return calling;
  },
  "as its request passes": ({ call, abort, passing }) => {
    passing("up", () => abort.abort(why));
    return call({ signal: abort.signal });
  },
  "while its request is held up": async ({ call, abort, proxy, passed }) => {
    proxy.stall({ direction: "up" });
    const calling = settled(call({ signal: abort.signal }));
    await turnsOfTheLoop();
    abort.abort(why);
    const outcome = await calling;
    // rejected before the request has got to etcd, which it does now
    expect(passed("up")).toBe(0);
    proxy.resume();
    return outcome();
  },
  "while the answer is held up": async ({ call, abort, proxy, passing }) => {
    proxy.stall({ direction: "down" });
    const arrived = passing("up");
    const calling = settled(call({ signal: abort.signal }));
    await arrived;
    abort.abort(why);
    const outcome = await calling;
    proxy.resume();
    return outcome();
  },
  "when the connection was reset right after the request": async ({ call, abort, proxy, name }) => {
    const broken = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "reset" });
    const calling = settled(call({ signal: abort.signal }));
    await broken;
    abort.abort(why);
    return (await calling)();
  },
  "when the connection was cut right after the request": async ({ call, abort, proxy, name }) => {
    const broken = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "cut" });
    const calling = settled(call({ signal: abort.signal }));
    await broken;
    abort.abort(why);
    const outcome = await calling;
    // longer than a deletion that is tried once
    await turnsOfTheLoop(200);
    await proxy.restore();
    return outcome();
  },
  "when the answer was lost": async ({ call, abort, proxy, name }) => {
    const muted = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "mute" });
    const calling = settled(call({ signal: abort.signal }));
    await muted;
    abort.abort(why);
    const outcome = await calling;
    proxy.reset();
    return outcome();
  },
};

/** Only `lock` asks twice then; it is rejected too. */
const asking: Record<string, Point> = {
  "as it asks after the key that an attempt without an answer has left": async (scene) => {
    const { call, abort, proxy, name, passing, keys } = scene;
    const before = await keys();
    const muted = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "mute" });
    const calling = settled(call({ signal: abort.signal }));
    await muted;
    await eventually(async () => (await keys()) > before, { what: "our key" });
    // the same request again, which does not make the key: it is there
    passing("up");
    passing("up", () => abort.abort(why));
    proxy.reset();
    return (await calling)();
  },
};

/** While another holds: `lock` waits then. */
const waiting: Record<string, Point> = {
  "while it waits": async ({ call, abort, watching }) => {
    const calling = settled(call({ signal: abort.signal }));
    await inLine(watching, 2);
    abort.abort(why);
    return (await calling)();
  },
  "while it waits, on a connection that is cut": async ({ call, abort, proxy, watching }) => {
    const calling = settled(call({ signal: abort.signal }));
    await inLine(watching, 2);
    await proxy.cut();
    abort.abort(why);
    const outcome = await calling;
    await proxy.restore();
    return outcome();
  },
  "while it waits, on a connection that is dead for longer than an attempt to delete takes":
    async ({ call, abort, proxy, watching }) => {
      const calling = settled(call({ signal: abort.signal }));
      await inLine(watching, 2);
      proxy.stall({ discard: true });
      abort.abort(why);
      const outcome = await calling;
      // the length of the outage is what this is about: two attempts fit in
      await new Promise((over) => setTimeout(over, 2_000));
      proxy.resume();
      return outcome();
    },
  "as the holder releases": async ({ call, abort, holder, watching }) => {
    const calling = settled(call({ signal: abort.signal }));
    await inLine(watching, 2);
    const releasing = holder?.release();
    abort.abort(why);
    await releasing;
    return (await calling)();
  },
};

/** Too late, or perhaps so: it may hold. */
const close: Record<string, Point> = {
  "as its answer passes": ({ call, abort, passing }) => {
    passing("down", () => abort.abort(why));
    return call({ signal: abort.signal });
  },
  "when it has won": ({ call, abort, name, holder }) => {
    const won = (message: unknown) => (message as Lock).name === name && abort.abort(why);
    subscribe("etcdkit:lock:acquired", won);
    onTestFinished(() => void unsubscribe("etcdkit:lock:acquired", won));
    const calling = call({ signal: abort.signal });
    holder?.release();
    return calling;
  },
};

/** While another holds, and then releases. */
const winning: Record<string, Point> = {
  "as the news of its turn passes": async ({ call, abort, passing, holder, watching }) => {
    const calling = settled(call({ signal: abort.signal }));
    await inLine(watching, 2);
    // the line is followed by then
    await turnsOfTheLoop(50);
    const news = passing("down", () => abort.abort(why));
    await holder?.release();
    await news;
    return (await calling)();
  },
};

/** Never cancelled: what was lost on the way is found out. */
const uncancelled: Record<string, Point> = {
  "the connection is reset right after the request": ({ call, proxy, name }) => {
    proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "reset" });
    return call({});
  },
  "the answer is lost": async ({ call, proxy, name }) => {
    const muted = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "mute" });
    const calling = call({});
    await muted;
    proxy.reset();
    return calling;
  },
  "the answer does not come": async ({ call, proxy, name, passed }) => {
    proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "mute" });
    const calling = call({});
    await eventually(() => passed("up") >= 2, { what: "another attempt" });
    proxy.reset();
    return calling;
  },
};

const why = new Error("cancelled by the test");

test.for(Object.entries({ ...always, ...asking, ...waiting }))(
  "lock behind another, cancelled %s",
  async ([, point]) => {
    const scene = await setTheScene("lock", { held: true });
    await expect(point(scene)).rejects.toBe(why);
    await nothingLeft(scene);
  },
);

test.for(Object.entries({ ...always, ...asking }))(
  "lock of a free name, cancelled %s",
  async ([, point]) => {
    const scene = await setTheScene("lock", { held: false });
    await expect(point(scene)).rejects.toBe(why);
    await nothingLeft(scene);
  },
);

// its first request is for the keys that its former life may have left
test.for(Object.entries(always))("lock on an adopted lease, cancelled %s", async ([, point]) => {
  const scene = await setTheScene("lock", { held: false, adopted: true });
  await expect(point(scene)).rejects.toBe(why);
  await nothingLeft(scene);
});

test.for(Object.entries(always))("tryLock of a free name, cancelled %s", async ([, point]) => {
  const scene = await setTheScene("tryLock", { held: false });
  await expect(point(scene)).rejects.toBe(why);
  await nothingLeft(scene);
});

test.for(Object.entries(always))("tryLock of a held name, cancelled %s", async ([, point]) => {
  const scene = await setTheScene("tryLock", { held: true });
  await expect(point(scene)).rejects.toBe(why);
  await nothingLeft(scene);
});

test.for(Object.entries({ ...close, ...winning }))(
  "lock behind another, cancelled %s",
  async ([, point]) => {
    const scene = await setTheScene("lock", { held: true });
    await cancelledOrHeld(point(scene));
    await nothingLeft(scene);
  },
);

test.for(Object.entries(close))(
  "lock and tryLock of a free name, cancelled %s",
  async ([, point]) => {
    for (const verb of ["lock", "tryLock"] as const) {
      const scene = await setTheScene(verb, { held: false });
      await cancelledOrHeld(point(scene));
      await nothingLeft(scene);
    }
  },
);

test.for(Object.entries(uncancelled))(
  "not cancelled, but %s: it holds, by one key",
  async ([, point]) => {
    for (const verb of ["lock", "tryLock"] as const) {
      const scene = await setTheScene(verb, { held: false });
      const lock = await point(scene);
      expect(lock?.held).toBe(true);
      const line = await scene.watching.contenders();
      expect(line.map(({ fencingToken }) => fencingToken)).toEqual([lock?.fencingToken]);
      await lock?.release();
      await nothingLeft(scene);
    }
  },
);

test.for(Object.entries(uncancelled))(
  "tryLock of a held name, and %s: it leaves no key",
  async ([, point]) => {
    const scene = await setTheScene("tryLock", { held: true });
    expect(await point(scene)).toBeUndefined();
    await nothingLeft(scene);
  },
);

interface Stage extends Scene {
  session: Session;
}

async function setTheScene(
  verb: "lock" | "tryLock",
  { held, adopted = false }: { held: boolean; adopted?: boolean },
): Promise<Stage> {
  const name = `${testPrefix()}lock`;
  const [target = ""] = sharedEtcd().endpoints;
  const counts = { up: 0, down: 0 };
  const awaited: { direction: Direction; passed: () => void }[] = [];
  const proxy = await startProxy({
    target,
    onData: (chunk, direction) => {
      if (!chunk.includes(name)) return;
      counts[direction]++;
      const index = awaited.findIndex((one) => one.direction === direction);
      awaited.splice(index, index < 0 ? 0 : 1)[0]?.passed();
    },
  });
  onTestFinished(() => proxy.close());
  let session = await openSession({ hosts: proxy.endpoint, ttl: 20 });
  if (adopted) {
    const { leaseId } = session;
    session.orphan();
    session = await openSession({ hosts: proxy.endpoint, leaseId });
  }
  const mutex = new Mutex(session, name);
  const watching = new Mutex(await openSession({ ttl: 20 }), name);
  const client = testClient();
  // what is cut later stands by now
  await new Mutex(session, "any").contenders();
  return {
    session,
    call: (options) => mutex[verb](options),
    abort: new AbortController(),
    proxy,
    name,
    passing: (direction, act) =>
      new Promise((resolve) => {
        const passed = () => {
          act?.();
          resolve();
        };
        awaited.push({ direction, passed });
      }),
    passed: (direction) => counts[direction],
    keys: async () => (await client.getAll().prefix(`${name}/`).keys()).length,
    holder: held ? await watching.lock() : undefined,
    watching,
  };
}

/** Once the dust has settled: no key, though the session lives, and the name as free as before. */
async function nothingLeft({ session, name, holder, keys, watching }: Stage): Promise<void> {
  const key = `${name}/${session.leaseId.toString(16)}`;
  await holder?.release();
  // the one word from inside: from then on nothing more is done about it
  await eventually(() => !leaseOf(session).usesKey(key), { what: "the end of the clean-up" });
  expect(await keys()).toBe(0);
  expect(session.state).not.toMatch(/expired|closed/);
  const another = await watching.tryLock();
  expect(another?.held).toBe(true);
  const next = new Mutex(session, name).lock();
  await inLine(watching, 2);
  await another?.release();
  expect((await next).key).toBe(key);
}

async function cancelledOrHeld(calling: Promise<Lock | undefined>): Promise<void> {
  const lock = await calling.catch((error) => {
    expect(error).toBe(why);
  });
  if (lock) expect(lock.held).toBe(true);
  await lock?.release();
}

/** Settles without rejecting: what it resolves with gives, or throws, the outcome. */
async function settled<T>(promise: Promise<T>): Promise<() => T> {
  try {
    const value = await promise;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function turnsOfTheLoop(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
