import type { ElectionObserver, Leader } from "@etcdkit/election";
import { eventually } from "@etcdkit/testing";
import { onTestFinished } from "vitest";

export interface Observing {
  /** What was seen so far. */
  readonly seen: (Leader | undefined)[];
  /** The values seen so far, `-` for no leader. */
  readonly values: () => string[];
  /** Resolves once `count` leaders, or none, were seen. */
  readonly sees: (count: number, withinMs?: number) => Promise<void>;
  /** Ends it, and resolves when the iteration has ended. */
  readonly end: () => Promise<void>;
}

/** Reads what an election's `observe()` yields, until the test ends. */
export function observing(election: Pick<ElectionObserver, "observe">): Observing {
  const stop = new AbortController();
  const seen: (Leader | undefined)[] = [];
  const reading = (async () => {
    for await (const leader of election.observe({ signal: stop.signal })) seen.push(leader);
  })();
  const end = () => {
    stop.abort();
    return reading;
  };
  // an error of it fails the test
  onTestFinished(end);
  return {
    seen,
    values: () => seen.map((leader) => leader?.value.toString() ?? "-"),
    sees: async (count, withinMs = 5_000) => {
      await eventually(() => seen.length >= count, {
        withinMs,
        what: `${count} changes of the leader`,
      });
    },
    end,
  };
}
