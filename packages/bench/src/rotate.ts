import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Calls } from "./calls.js";
import { type Figures, percentiles } from "./figures.js";
import { Span } from "./span.js";
import { WarmUp } from "./warm-up.js";

interface Rotation {
  seconds: number;
  contenders: number;
  calls?: Calls;
  /** Resolves when it is the contender's turn, with what ends it. */
  acquire(contender: number): Promise<() => Promise<unknown>>;
  /** Asked again and again while the first holds: whether the others all stand in line. Default: nobody waits for that. */
  lined?(): Promise<boolean>;
}

/**
 * Contenders of one name take turns. A hand-over runs from the start of a release to the return of the next acquire, counted
 * only where that one was already waiting: both ends are in this process, as in the Go program.
 */
export async function rotate(rotation: Rotation): Promise<Figures> {
  const { seconds, contenders, calls, acquire, lined } = rotation;
  const handovers: number[] = [];
  let span: Span | undefined;
  let outcome: Figures | undefined;
  let turns = 0;
  let releasedAt = Number.NEGATIVE_INFINITY;
  let warmUp = new WarmUp(seconds);

  const taken = (askedAt: number): void => {
    const now = performance.now();
    if (!span) {
      if (warmUp.enough()) span = new Span(calls);
      return;
    }
    turns++;
    if (releasedAt >= askedAt) handovers.push(now - releasedAt);
    if (span.elapsedS >= seconds) outcome ??= span.end(turns);
  };
  const given = (): void => {
    releasedAt = performance.now();
  };
  const contend = async (contender: number): Promise<void> => {
    while (!outcome) {
      const askedAt = performance.now();
      const release = await acquire(contender);
      if (outcome) return;
      taken(askedAt);
      given();
      await release();
    }
  };

  let first = 0;
  if (lined) {
    const release = await acquire(first++);
    const rest = Array.from({ length: contenders - first }, (_, n) => contend(first + n));
    while (!(await lined())) await sleep(200);
    warmUp = new WarmUp(seconds);
    await release();
    await Promise.race([contend(0), ...rest]);
  } else {
    await Promise.race(Array.from({ length: contenders }, (_, n) => contend(n)));
  }
  return { ...outcome, ...percentiles(handovers) };
}
