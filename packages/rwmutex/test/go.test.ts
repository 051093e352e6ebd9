import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RWMutex } from "@etcdkit/rwmutex";
import { buildGo, type GoProgram, withoutGo } from "@etcdkit/test-support/go";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type GoTurns, takeGoTurns } from "./go-peer.js";
import { inLine } from "./in-line.js";
import { followHistory, type Stay } from "./line-history.js";
import { openSession } from "./open-session.js";
import { outcomeOf } from "./outcome.js";

// In one line with Go's recipe.

let program: GoProgram | undefined;

beforeAll(async () => {
  program = await buildGo(join(import.meta.dirname, "go"));
}, 300_000);
afterAll(() => program?.remove());

beforeEach(({ skip }) => skip(!program, withoutGo));

async function setUp() {
  const name = `${testPrefix()}go`;
  const session = await openSession({ ttl: 20 });
  const go = (turns: Omit<GoTurns, "name">) =>
    takeGoTurns(program as GoProgram, { name, ...turns });
  return { go, session, rwmutex: new RWMutex(session, name) };
}

// a hold must last for it to be seen that nobody comes in meanwhile: what does not happen cannot be waited for
const HOLD_MS = 500;

test("Go's reader comes in beside our reader", async () => {
  const { go, rwmutex } = await setUp();
  const lock = await rwmutex.readLock();
  expect(await go({ readers: 1, writers: 0, turns: 1 })).toMatchObject({ reads: 1 });
  expect(lock.held).toBe(true);
  await lock.release();
});

test.for([
  ["reader", "writer", "readLock", { readers: 0, writers: 1 }],
  ["writer", "reader", "writeLock", { readers: 1, writers: 0 }],
  ["writer", "writer", "writeLock", { readers: 0, writers: 1 }],
] as const)("we hold as a %s: Go's %s waits until we release", async ([, , verb, theirs]) => {
  const { go, rwmutex } = await setUp();
  const lock = await rwmutex[verb]();
  const running = outcomeOf(go({ ...theirs, turns: 1 }));
  const [, their] = await inLine(rwmutex, 2);
  expect(their?.kind).toBe(theirs.readers > 0 ? "read" : "write");
  await sleep(HOLD_MS);
  expect([running.settled, lock.held]).toEqual([false, true]);
  await lock.release();
  await expect.poll(() => running.value, { timeout: 5_000 }).toMatchObject({ overlaps: 0 });
  expect(running.value?.longestMs).toBeGreaterThan(HOLD_MS - 50);
});

test("we downgrade: Go's reader who waits comes in at once, Go's writer only when we release", async () => {
  const { go, rwmutex } = await setUp();
  const writer = await rwmutex.writeLock();
  const reading = outcomeOf(go({ readers: 1, writers: 0, turns: 1 }));
  await inLine(rwmutex, 2);
  const reader = await writer.downgrade();
  expect(reader.key).not.toBe(writer.key);
  await expect.poll(() => reading.value, { timeout: 5_000 }).toMatchObject({ reads: 1 });
  await reader.release();

  const again = await rwmutex.writeLock();
  const writing = outcomeOf(go({ readers: 0, writers: 1, turns: 1 }));
  await inLine(rwmutex, 2);
  const kept = await again.downgrade();
  expect(kept.key).toBe(again.key);
  await sleep(HOLD_MS);
  expect([writing.settled, kept.held]).toEqual([false, true]);
  await kept.release();
  await expect.poll(() => writing.value, { timeout: 5_000 }).toMatchObject({ writes: 1 });
});

test("readers and writers of both kinds take turns in one line", { timeout: 60_000 }, async () => {
  const TURNS = 200;
  const { go, session, rwmutex } = await setUp();
  const history = await followHistory(testClient(), rwmutex.name);
  const ours = new Set<bigint>();
  const theirs = () => history.filter(({ createRevision }) => !ours.has(createRevision)).length;
  const readers = [new RWMutex(await openSession({ ttl: 20 }), rwmutex.name), rwmutex, rwmutex];
  const writers = [new RWMutex(session, rwmutex.name), readers[0] ?? rwmutex];
  const wrong: unknown[] = [];
  const contend = async (one: RWMutex, verb: "readLock" | "writeLock") => {
    while (theirs() < TURNS * 0.7) {
      const lock = await one[verb]();
      ours.add(lock.fencingToken);
      // by etcd's word: nobody whom we exclude, or who excludes us, is before us
      const line = await one.contenders();
      const before = line.slice(
        0,
        line.findIndex(({ key }) => key === lock.key),
      );
      const inTheWay = before.filter(({ kind }) => verb === "writeLock" || kind === "write");
      if (inTheWay.length > 0 || !lock.held) wrong.push({ lock, inTheWay });
      // long enough for others to come and wait: turns that meet nobody show nothing
      await sleep(3);
      await lock.release();
    }
  };
  const running = go({ readers: 3, writers: 2, turns: TURNS });
  await inLine(rwmutex, 5);
  await Promise.all([
    ...readers.map((one) => contend(one, "readLock")),
    ...writers.map((one) => contend(one, "writeLock")),
  ]);
  const { reads, writes, overlaps } = await running;
  expect([reads + writes, overlaps]).toEqual([TURNS, 0]);
  expect(wrong).toEqual([]);
  await expect.poll(() => history.length, { timeout: 5_000 }).toBe(TURNS + ours.size);

  // by etcd's history: whoever excludes another and came first had left before the other one did
  const stays = history.map((stay) => ({ ...stay, ours: ours.has(stay.createRevision) }));
  const pairs = stays.flatMap((one, index) =>
    stays.slice(index + 1).map((other) => [one, other] as const),
  );
  const excluding = pairs.filter(([one, other]) => isWriter(one) || isWriter(other));
  expect(excluding.filter(([gone, left]) => left.createRevision < gone.createRevision)).toEqual([]);
  // if they had not met, all this would have shown little: who waited for whom
  const met = excluding.filter(([one, other]) => other.createRevision < one.goneAt);
  const weWaited = met.filter(([one, other]) => !one.ours && other.ours).length;
  const theyWaited = met.filter(([one, other]) => one.ours && !other.ours).length;
  console.log(
    `${TURNS} turns of Go's, ${ours.size} of ours; we were behind one of theirs ${weWaited} times, they behind one of ours ${theyWaited} times`,
  );
  expect(Math.min(weWaited, theyWaited)).toBeGreaterThan(50);
});

function isWriter({ key }: Stay): boolean {
  return key.includes("/write/");
}
