import { performance } from "node:perf_hooks";
import type { Calls } from "./calls.js";
import { type Figures, percentiles } from "./figures.js";
import { Span } from "./span.js";
import { WarmUp } from "./warm-up.js";

/** `workers` workers, each doing `operation` again and again: rate, time, CPU and calls an operation. */
export async function timed(
  { seconds, workers, calls }: { seconds: number; workers: number; calls?: Calls },
  operation: (worker: number) => Promise<unknown>,
): Promise<Figures> {
  const warmUp = new WarmUp(seconds);
  await spend(workers, operation, () => warmUp.enough());
  const span = new Span(calls);
  const took = await spend(workers, operation, () => span.elapsedS >= seconds);
  return { ...span.end(took.length), ...percentiles(took) };
}

/** How long each took, in milliseconds, until after one of them it was enough. */
async function spend(
  workers: number,
  operation: (worker: number) => Promise<unknown>,
  enough: () => boolean,
): Promise<number[]> {
  const took: number[] = [];
  let over = false;
  await inParallel(workers, workers, async (worker) => {
    for (let start = performance.now(); !over; ) {
      await operation(worker);
      const now = performance.now();
      took.push(now - start);
      start = now;
      over ||= enough();
    }
  });
  return took;
}

/** `task(0)` to `task(count - 1)`, `atOnce` at a time. */
export async function inParallel(
  count: number,
  atOnce: number,
  task: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work));
}
