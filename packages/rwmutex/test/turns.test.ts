import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { lineHistory } from "./line-history.js";
import { type Kind, type Turn, takeTurns } from "./take-turns.js";

// fewer, to run it many times over
const TURNS = Number(process.env.TURNS ?? 1_000);

const ofKind = (turns: Turn[], which: Kind) => turns.filter(({ kind }) => kind === which);
const exclude = (a: Turn, b: Turn) => a.kind === "write" || b.kind === "write";

test("8 readers and 4 writers over 4 processes: no writer beside anyone, readers together, in the order they came", {
  timeout: 60_000,
}, async () => {
  const name = `${testPrefix()}rw`;
  const client = testClient();
  const fromRevision = BigInt((await client.get(name).exec()).header.revision) + 1n;
  const hosts = sharedEtcd().endpoints;
  const turns = await takeTurns({
    hosts,
    name,
    turns: TURNS,
    readers: 8,
    writers: 4,
    processes: 4,
  });
  expect(turns).toHaveLength(TURNS);

  // from outside: nobody who was in saw a writer, and no writer saw anybody
  const [readers, writers] = [ofKind(turns, "read"), ofKind(turns, "write")];
  expect(turns.filter(({ beside, lost }) => beside.write > 0 || lost)).toEqual([]);
  expect(writers.filter(({ beside }) => beside.read > 0)).toEqual([]);
  const together = Math.max(...readers.map(({ beside }) => beside.read + 1));
  const beside = readers.filter(({ beside }) => beside.read > 0).length;
  expect(together).toBeGreaterThan(1);
  expect(beside).toBeGreaterThan(readers.length / 4);

  // fair: of two who exclude each other, the one who came first, by its create revision, had left before the other one entered
  const overtaken = turns.flatMap((turn, index) =>
    turns
      .slice(index + 1)
      .filter((later) => exclude(turn, later) && later.enteredAtMs < turn.leftAtMs)
      .map((later) => [turn, later]),
  );
  expect(overtaken).toEqual([]);
  // and nobody waited for more than those: when the last of them was gone, by etcd's history, it was let in
  const stays = await lineHistory(client, name, { fromRevision, count: TURNS });
  const goneAt = new Map(stays.map(({ createRevision, goneAt }) => [createRevision, goneAt]));
  expect([...goneAt.keys()].sort(byRevision)).toEqual(
    turns.map(({ fencingToken }) => fencingToken),
  );
  const waits = turns.map((turn, index) => {
    const ahead = turns
      .slice(0, index)
      .filter(
        (before) =>
          exclude(before, turn) && (goneAt.get(before.fencingToken) ?? 0n) > turn.fencingToken,
      );
    const freeAtMs = Math.max(turn.askedAtMs, ...ahead.map(({ leftAtMs }) => leftAtMs));
    return { ahead: ahead.length, afterMs: turn.enteredAtMs - freeAtMs };
  });
  // one for each contender, itself apart
  expect(Math.max(...waits.map(({ ahead }) => ahead))).toBeLessThan(12);
  // if most turns had met an empty line, all this would have shown little
  expect(waits.filter(({ ahead }) => ahead > 0).length).toBeGreaterThan(TURNS * 0.5);
  const afterMs = waits.map(({ afterMs }) => afterMs).sort((a, b) => a - b);
  const [median = 0, longest = 0] = [afterMs[TURNS >> 1], afterMs.at(-1)];
  expect(longest).toBeLessThan(1_000);
  // nor for readers who came later: then many would enter when such a one has left, as it is those whose process was late
  const passed = readers.filter(({ fencingToken, enteredAtMs }) =>
    readers.some((later) => later.fencingToken > fencingToken && later.leftAtMs < enteredAtMs),
  );
  expect(passed.length).toBeLessThan(readers.length / 10);

  const tookMs = Math.max(...turns.map(({ leftAtMs }) => leftAtMs)) - (turns[0]?.enteredAtMs ?? 0);
  console.log(
    `${TURNS} turns, ${((TURNS * 1_000) / tookMs).toFixed(0)} a second; up to ${together} readers together, ${beside} of ` +
      `${readers.length} beside another; let in ${median.toFixed(1)} ms after its way was free, at most ${longest.toFixed(0)} ms`,
  );
});

function byRevision(a: bigint, b: bigint): number {
  return a < b ? -1 : 1;
}
