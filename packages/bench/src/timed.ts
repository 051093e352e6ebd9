import { performance } from "node:perf_hooks";
import type { Calls } from "./calls.js";
import { type Figures, percentiles } from "./figures.js";
import { Span } from "./span.js";

/** So long an operation runs before it is measured: what is measured is a process that has been up for a while. */
export function warmUpS(seconds: number): number {
  return Math.min(seconds / 2, 1);
}

/** `workers` workers, each doing `operation` again and again: rate, time, CPU and calls an operation. */
export async function timed(
  { seconds, workers, calls }: { seconds: number; workers: number; calls?: Calls },
  operation: (worker: number) => Promise<unknown>,
): Promise<Figures> {
  await spend(warmUpS(seconds), workers, operation);
  const span = new Span(calls);
  const took = await spend(seconds, workers, operation);
  return { ...span.end(took.length), ...percentiles(took) };
}

/** How long each took, in milliseconds. */
async function spend(
  seconds: number,
  workers: number,
  operation: (worker: number) => Promise<unknown>,
): Promise<number[]> {
  const took: number[] = [];
  const until = performance.now() + seconds * 1_000;
  await inParallel(workers, workers, async (worker) => {
    for (let start = performance.now(); start < until; ) {
      await operation(worker);
      const now = performance.now();
      took.push(now - start);
      start = now;
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
