import { type Holding, RWMutex, type Session } from "@etcdkit/rwmutex";
import { leaseOf } from "@etcdkit/session/internal";
import { eventually, startProxy, type TcpProxy } from "@etcdkit/testing";
import { sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";
import { outcomeOf } from "./outcome.js";

// A wait is cancelled in each of its states, and no key of it is left, though its session lives on. (A rejection that nobody
// handles fails the run.)

const verbs = ["readLock", "writeLock", "tryReadLock", "tryWriteLock"] as const;
type Verb = (typeof verbs)[number];
const withVerbs = ["withReadLock", "withWriteLock"] as const;
type WithVerb = (typeof withVerbs)[number];

interface Scene {
  verb: Verb | WithVerb;
  session: Session;
  call: () => Promise<Holding | undefined>;
  cancel: () => void;
  /** Before etcd, for the caller only. */
  proxy: TcpProxy;
  /** Whether bytes are of this lock. */
  match: (chunk: Buffer) => boolean;
  /** Resolves when a request for the lock has passed. */
  passed: Promise<void>;
  holder: Holding | undefined;
  others: RWMutex;
}

type State = (scene: Scene) => Promise<unknown>;

const why = new Error("cancelled by the test");

function work(): never {
  throw new Error("its work has begun");
}

/** What is cancelled before it has won, whatever it is. */
const early: Record<string, State> = {
  "before it begins": ({ call, cancel }) => {
    cancel();
    return call();
  },
  "in the same tick": ({ call, cancel }) => {
    const calling = call();
    cancel();
    return calling;
  },
  "while its request is held up": async ({ call, cancel, proxy }) => {
    proxy.stall({ direction: "up" });
    const calling = outcomeOf(call());
    await turnsOfTheLoop();
    return atOnce(calling, cancel, () => proxy.resume());
  },
  "while the answer is held up": async ({ call, cancel, proxy, passed }) => {
    proxy.stall({ direction: "down" });
    const calling = outcomeOf(call());
    await passed;
    return atOnce(calling, cancel, () => proxy.resume());
  },
  "when the connection was reset right after the request": async (scene) => {
    const { call, cancel, proxy, match } = scene;
    const broken = proxy.breakAfter({ match, how: "reset" });
    const calling = outcomeOf(call());
    await broken;
    return atOnce(calling, cancel);
  },
  "when the answer was lost": async ({ call, cancel, proxy, match }) => {
    const muted = proxy.breakAfter({ match, how: "mute" });
    const calling = outcomeOf(call());
    await muted;
    return atOnce(calling, cancel, () => proxy.reset());
  },
};

const waiting: Record<string, State> = {
  "while it waits": async ({ call, cancel, others }) => {
    const calling = outcomeOf(call());
    await inLine(others, 2);
    return atOnce(calling, cancel);
  },
  "while it waits, on a connection that is cut": async ({ call, cancel, others, proxy }) => {
    const calling = outcomeOf(call());
    await inLine(others, 2);
    await proxy.cut();
    return atOnce(calling, cancel, () => proxy.restore());
  },
  "as the holder releases": async ({ call, cancel, others, holder }) => {
    const calling = outcomeOf(call());
    await inLine(others, 2);
    void holder?.release();
    return atOnce(calling, cancel);
  },
};

const rows = verbs.flatMap((verb) =>
  [false, true].flatMap((held) => {
    const waits = held && !verb.startsWith("try");
    const states = waits ? { ...early, ...waiting } : early;
    return Object.entries(states).map(
      ([state, act]) => [verb, held ? "held" : "free", state, act] as const,
    );
  }),
);

test.for(rows)("%s of a %s lock, cancelled %s", async ([verb, which, , act]) => {
  const scene = await setTheScene(verb, which === "held");
  await expect(act(scene)).rejects.toBe(why);
  await nothingLeft(scene);
});

test.for(withVerbs)("%s, cancelled while it waits: its work is not begun", async (verb) => {
  const scene = await setTheScene(verb, true);
  await expect(waiting["while it waits"]?.(scene)).rejects.toBe(why);
  await nothingLeft(scene);
});

test("a writer who waits for a reader, cancelled: the reader behind it comes in at once", async () => {
  const name = `${testPrefix()}rw`;
  const sessions = [await openSession(), await openSession(), await openSession()];
  const [first, second, third] = sessions.map((session) => new RWMutex(session, name));
  if (!first || !second || !third) throw new Error("there are three");
  const reader = await first.readLock();
  const abort = new AbortController();
  const writing = outcomeOf(second.writeLock({ signal: abort.signal }));
  await inLine(first, 2);
  const behind = outcomeOf(third.readLock());
  await inLine(first, 3);
  expect(behind.settled).toBe(false);
  abort.abort(why);
  await eventually(() => behind.settled, { withinMs: 1_000 });
  expect([writing.error, behind.value?.held, reader.held]).toEqual([why, true, true]);
  expect((await inLine(first, 2)).map(({ kind }) => kind)).toEqual(["read", "read"]);
});

async function setTheScene(verb: Scene["verb"], held: boolean): Promise<Scene> {
  const name = `${testPrefix()}rw`;
  const [target = ""] = sharedEtcd().endpoints;
  const match = (chunk: Buffer) => chunk.includes(name);
  let pass = () => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  let begun = false;
  const onData = (chunk: Buffer, direction: string) => {
    if (begun && direction === "up" && match(chunk)) pass();
  };
  const proxy = await startProxy({ target, onData });
  onTestFinished(() => proxy.close());
  const session = await openSession({ hosts: [proxy.endpoint], ttl: 20 });
  const rwmutex = new RWMutex(session, name);
  const others = new RWMutex(await openSession({ ttl: 20 }), name);
  // what is to be cancelled is a request, not a connection that is being made
  await rwmutex.contenders();
  const abort = new AbortController();
  return {
    verb,
    session,
    call: () => {
      begun = true;
      const { signal } = abort;
      if (verb === "withReadLock" || verb === "withWriteLock")
        return rwmutex[verb](work, { signal });
      return rwmutex[verb]({ signal });
    },
    cancel: () => abort.abort(why),
    proxy,
    match,
    passed,
    holder: held ? await others.writeLock() : undefined,
    others,
  };
}

/** Once the dust has settled: no key, though the session lives, and the name as free as before. */
async function nothingLeft({ verb, session, holder, others }: Scene): Promise<void> {
  const kind = /read/i.test(verb) ? "read" : "write";
  const key = `${others.name}/${kind}/${session.leaseId.toString(16)}`;
  await holder?.release();
  // the one word from inside: from then on nothing more is done about it
  await eventually(() => !leaseOf(session).usesKey(key), { what: "the end of the clean-up" });
  expect(await others.contenders()).toEqual([]);
  expect(session.signal.aborted).toBe(false);
  const another = await others.tryWriteLock();
  expect(another?.held).toBe(true);
  const next = new RWMutex(session, others.name)[`${kind}Lock`]();
  await inLine(others, 2);
  await another?.release();
  expect((await next).key).toBe(key);
}

/** Cancels, and expects the call to be rejected before anything else happens; then mends what was broken. */
async function atOnce(
  calling: { settled: boolean; error?: unknown },
  cancel: () => void,
  mend?: () => unknown,
): Promise<never> {
  expect(calling.settled).toBe(false);
  cancel();
  await turnsOfTheLoop(1);
  expect(calling.settled).toBe(true);
  await turnsOfTheLoop(100);
  await mend?.();
  throw calling.error;
}

async function turnsOfTheLoop(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}
