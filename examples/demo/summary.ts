import type { Succession } from "./kill-the-leader.js";
import type { Screen } from "./screen.js";
import type { Spans } from "./spans.js";
import { seconds } from "./stopwatch.js";

/** What a hand-over may take on a busy machine. Where a lease has to run out first it is more than half the TTL. */
const HAND_OVER_MS = 2_000;
/** What a succession may take, in TTLs: etcd looks for expired leases now and then, and may have to elect its own leader first. */
const SUCCESSION_TTLS = 2;

export interface Outcome {
  names: readonly string[];
  ttl: number;
  terms: Spans;
  jobs: number;
  turns: Spans;
  /** The number in etcd that each turn made one larger. */
  counted: number;
  succession: Succession;
  /** When the rolling restart began. */
  restart: bigint;
  /** Who is in etcd still though all have left. */
  remaining: readonly string[];
}

/** Says how it went; returns what was wrong, which is nothing if all is well. */
export function summarize(outcome: Outcome, screen: Screen): string[] {
  const { names, ttl, terms, jobs, turns, counted, succession, restart, remaining } = outcome;
  const wrong: string[] = [];
  const line = (what: string, text: string, ...problems: (string | false)[]) => {
    const found = problems.filter((problem) => problem !== false);
    wrong.push(...found);
    screen.say(`  ${what.padEnd(11)} ${text}`, found.length > 0 ? "bad" : undefined);
  };
  const checked = (what: string, spans: Spans) => {
    const { overlaps, tokensIncrease } = spans;
    const tokens = spans.inOrder.map(({ fencingToken }) => fencingToken);
    const increasing = `${tokensIncrease ? "" : "NOT "}strictly increasing`;
    line(
      "",
      `overlaps ${overlaps}; tokens ${tokens[0]} to ${tokens.at(-1)}, ${increasing}`,
      overlaps > 0 && `${overlaps} ${what} began before another had ended`,
      !tokensIncrease && `the fencing tokens of the ${what} did not strictly increase`,
    );
  };

  screen.say("\nSummary", "title");
  const { victim, suspectedMs, diedMs, heir, succeededMs, lockMs } = succession;
  line("leaders", terms.inOrder.map(({ who }) => who).join(", then "));
  line(
    "terms",
    `${terms.inOrder.length}, at most one at a time by their own reports; ${jobs} jobs`,
  );
  checked("terms", terms);

  const suspected =
    suspectedMs === undefined ? "not suspected" : `suspected ${seconds(suspectedMs)}`;
  line(
    "killed",
    `${victim}: ${suspected}, died ${seconds(diedMs)} after the kill, with a TTL of ${ttl} s`,
  );
  line(
    "succession",
    `${heir} led ${seconds(succeededMs)} after it, and the lock was had after ${seconds(lockMs)}`,
    succeededMs > SUCCESSION_TTLS * ttl * 1_000 &&
      `nobody led for ${seconds(succeededMs)} after the kill, with a TTL of ${ttl} s`,
  );
  const gapMs = terms.longestGapMs(restart);
  line(
    "restart",
    `of ${names.length}, one by one; the longest time without a leader was ${gapMs.toFixed(0)} ms`,
    gapMs > HAND_OVER_MS && `nobody led for ${seconds(gapMs)} in the rolling restart`,
  );

  const each = names.map((name) => `${name} ${turns.finished(name)}`).join(", ");
  const starved = names.filter((name) => turns.finished(name) === 0);
  const finished = turns.finished();
  line(
    "lock",
    `${finished} turns (${each}), and one cut short`,
    ...starved.map((name) => `${name} never had a turn`),
  );
  checked("turns", turns);
  line(
    "counter",
    `${counted} in etcd, made by ${finished} turns`,
    counted !== finished && `${finished} turns counted up to ${counted} only`,
  );
  line(
    "left behind",
    remaining.join(", ") || "nothing",
    remaining.length > 0 && `still in etcd: ${remaining.join(", ")}`,
  );
  return wrong;
}
