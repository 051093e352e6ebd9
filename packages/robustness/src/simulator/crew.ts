import { Worker } from "node:worker_threads";
import type { Bundle } from "./bundle.js";
import type { Shift, WorkerMessage } from "./shift.js";

export interface CrewOptions extends Omit<Shift, "stride"> {
  workers: number;
}

interface Hand {
  worker: Worker;
  /** The seed it will run next. */
  next: number;
  failures: number;
}

/**
 * Runs seeds by several workers; tells of each as it is done. Enough failures of one worker end all of them, once no earlier seed is
 * left to run: which seed is the first to fail does not depend on who was faster.
 */
export async function runCrew(
  { path }: Bundle,
  { workers, ...shift }: CrewOptions,
  told: (message: WorkerMessage) => void,
): Promise<void> {
  const crew: Hand[] = [];
  let last = Number.POSITIVE_INFINITY;
  const shifts = Array.from({ length: workers }, (_, index) => {
    const own: Shift = { ...shift, from: shift.from + index, stride: workers };
    return new Promise<void>((resolve, reject) => {
      const worker = new Worker(path, { workerData: own });
      const hand: Hand = { worker, next: own.from, failures: 0 };
      crew.push(hand);
      worker.on("message", (message: WorkerMessage) => {
        told(message);
        if (!("violations" in message)) return;
        hand.next = message.seed + own.stride;
        if (message.violations.length > 0 && ++hand.failures >= shift.failures) {
          last = Math.min(last, message.seed);
        }
        for (const { worker, next, failures } of crew) {
          // one that has failed enough ends by itself, when it has told all
          if (next > last && failures < shift.failures) void worker.terminate();
        }
      });
      worker.on("error", reject);
      worker.on("exit", () => resolve());
    });
  });
  await Promise.all(shifts);
}
