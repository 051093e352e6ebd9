import { grouped } from "../model/grouped.js";
import type { Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";

/** What became of a counter that everybody writes one higher than it was read. */
export interface CounterResult {
  readonly name: string;
  readonly fenced: boolean;
  /** How often it was counted, by etcd's history; one that was written twice by a client that tried again counts once. */
  readonly counted: number;
  readonly value: number;
  /** Counted, and undone by another who had read before. */
  readonly lost: number;
}

export function counterResults({ operations, history }: Run): CounterResult[] {
  const writes = operations.filter(({ kind }) => kind === "counter write");
  return [...grouped(writes, ({ name }) => name)].map(([name, [write]]) => {
    const puts = history.filter(({ key, type }) => key === name && type === "put");
    const counted = new Set(puts.map(({ value }) => value)).size;
    const value = Number.parseInt(puts.at(-1)?.value ?? "0", 10);
    return { name, fenced: write?.detail?.fenced === true, counted, value, lost: counted - value };
  });
}

/** The fenced counter never loses anything. Of the other one it is only told. */
export function checkCounters(run: Run): Violation[] {
  return counterResults(run)
    .filter(({ fenced, lost }) => fenced && lost !== 0)
    .map(({ name, counted, value }) => ({
      check: "fenced counter",
      told: `${name} was counted ${counted} times, and is ${value}`,
    }));
}
