import type { Screen } from "./screen.js";
import { seconds } from "./stopwatch.js";
import type { Turns } from "./turns.js";

export interface Outcome {
  workers: { name: string; killed: boolean }[];
  turns: Turns;
  /** The number in etcd that each turn made one larger. */
  counted: number;
  takeOverMs: number;
  ttl: number;
}

/** Says how it went; returns what was wrong, which is nothing if all is well. */
export function summarize(outcome: Outcome, screen: Screen): string[] {
  const { workers, turns, counted, takeOverMs, ttl } = outcome;
  const { overlaps, tokensIncrease } = turns;
  const finished = turns.finished();
  const tokens = turns.all.map(({ fencingToken }) => fencingToken);
  const wrong: string[] = [];
  const line = (what: string, text: string, problem?: string | false) => {
    if (problem) wrong.push(problem);
    screen.say(`  ${what.padEnd(10)} ${text}`, problem ? "bad" : undefined);
  };

  screen.say("\nSummary", "title");
  for (const { name, killed } of workers) {
    const own = turns.finished(name);
    const starved = !killed && own === 0 && `${name} never had a turn`;
    line(name, `${own} turns${killed ? ", and one cut short" : ""}`, starved);
  }
  line("turns", `${finished} in all, and one cut short`);
  line(
    "overlaps",
    `${overlaps}`,
    overlaps > 0 && `${overlaps} turns began before another had ended`,
  );
  line(
    "tokens",
    `${tokens[0]} to ${tokens.at(-1)}, ${tokensIncrease ? "" : "NOT "}strictly increasing`,
    !tokensIncrease && "the fencing tokens did not strictly increase",
  );
  line(
    "counter",
    `${counted} in etcd, made by ${finished} turns`,
    counted !== finished && `${finished} turns counted up to ${counted} only`,
  );
  line("take-over", `${seconds(takeOverMs)} after the kill, with a TTL of ${ttl} s`);
  return wrong;
}
