import { Worker } from "node:worker_threads";
import type { Bundle } from "./bundle.js";
import type { Shift, WorkerMessage } from "./shift.js";

export interface CrewOptions extends Omit<Shift, "stride"> {
  workers: number;
}

/** Runs seeds by several workers; tells of each as it is done. Enough failures of one worker end all of them. */
export async function runCrew(
  { path }: Bundle,
  { workers, ...shift }: CrewOptions,
  told: (message: WorkerMessage) => void,
): Promise<void> {
  const crew: Worker[] = [];
  const shifts = Array.from({ length: workers }, (_, index) => {
    const own: Shift = { ...shift, from: shift.from + index, stride: workers };
    return new Promise<void>((resolve, reject) => {
      const worker = new Worker(path, { workerData: own });
      crew.push(worker);
      let failures = 0;
      worker.on("message", (message: WorkerMessage) => {
        told(message);
        const last = shift.shrink ? "shrunken" in message : hasFailed(message);
        if (last && ++failures >= shift.failures) {
          for (const other of crew) if (other !== worker) void other.terminate();
        }
      });
      worker.on("error", reject);
      worker.on("exit", () => resolve());
    });
  });
  await Promise.all(shifts);
}

function hasFailed(message: WorkerMessage): boolean {
  return "violations" in message && message.violations.length > 0;
}
