import { livesUnder } from "../model/key-life.js";
import type { FaultRecord, KeyEvent, SightRecord } from "../model/record.js";
import type { Observation, Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";
import { mayHaveMissed } from "./compaction.js";
import { mustHaveSeen } from "./reached.js";

interface Word {
  readonly word: string;
  readonly revision: number;
}

/** What an observer of an election told is the history of its keys: from some moment on, without a loss, without a repeat. */
export function checkObservers(run: Run): Violation[] {
  const seen = run.observations.filter(({ of }) => of === "election");
  const words = new Map<string, Word[]>();
  return seen.flatMap((observation) => {
    const { name, process } = observation;
    const history = words.get(name) ?? leaderWords(run.history, name);
    words.set(name, history);
    const fault = mismatch(observation, history, run.faults, mustHaveSeen(run, process));
    return fault ? [{ check: "observers", told: `${process} of ${name}: ${fault}` }] : [];
  });
}

/** Who led after each revision, where that is news: of all keys the one with the least create revision, or its new value. */
function leaderWords(history: readonly KeyEvent[], name: string): Word[] {
  const words: Word[] = [{ word: "nobody", revision: 0 }];
  const lives = livesUnder(history, `${name}/`);
  let revision = 0;
  for (const life of lives) {
    // its turn comes when all before it are gone
    const begin = Math.max(revision, life.createRevision);
    if (life.endRevision <= begin) continue;
    if (revision > 0 && life.createRevision > revision) words.push({ word: "nobody", revision });
    const before = life.puts.filter((put) => put.revision <= begin).at(-1);
    const after = life.puts.filter((put) => put.revision > begin);
    for (const { value, revision } of before ? [{ ...before, revision: begin }, ...after] : after) {
      words.push({ word: `${life.key} ${life.createRevision} ${value}`, revision });
    }
    revision = life.endRevision;
  }
  if (revision > 0 && revision < Number.POSITIVE_INFINITY) words.push({ word: "nobody", revision });
  return words;
}

function mismatch(
  { sights }: Observation,
  words: readonly Word[],
  faults: readonly FaultRecord[],
  reached: number,
): string | undefined {
  const told = sights.map(wordOf);
  let best: { matched: number; at: number; why: string } | undefined;
  for (const [start, { word }] of words.entries()) {
    if (word !== told[0]) continue;
    const attempt = follow(sights, told, words, start, faults);
    const next = words[attempt.at + 1];
    if (attempt.matched === told.length) {
      if (!next || next.revision > reached) return undefined;
      const why = `it fell silent before "${next.word}" of revision ${next.revision}`;
      if (!best || attempt.matched >= best.matched) best = { ...attempt, why };
    } else if (!best || attempt.matched > best.matched) {
      const why = `after ${attempt.matched} words it told "${told[attempt.matched]}", and not "${next?.word}" of revision ${next?.revision}`;
      best = { ...attempt, why };
    }
  }
  return best?.why ?? `it told "${told[0]}", which never was`;
}

/**
 * How many words, from `start` on, are as they should be, and the last of the history that was told. Where history was compacted the
 * same word may stand in more than one place after it: each is followed.
 */
function follow(
  sights: readonly SightRecord[],
  told: readonly string[],
  words: readonly Word[],
  start: number,
  faults: readonly FaultRecord[],
): { matched: number; at: number } {
  let places = [start];
  for (const [index, sight] of sights.entries()) {
    if (index === 0) continue;
    const next = new Set(
      places.flatMap((at) => {
        const seen = words[at]?.revision ?? 0;
        // told as one: what was between is gone from etcd
        const skipped = mayHaveMissed(faults, { seen, at: sight.at });
        const after = words.slice(at + 1, skipped ? undefined : at + 2);
        return after.flatMap(({ word }, n) => (word === told[index] ? [at + 1 + n] : []));
      }),
    );
    if (next.size === 0) return { matched: index, at: Math.max(...places) };
    places = [...next];
  }
  return { matched: told.length, at: Math.max(...places) };
}

function wordOf({ leader }: SightRecord): string {
  return leader ? `${leader.key} ${leader.token} ${leader.value}` : "nobody";
}
