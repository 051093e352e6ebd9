import { parentPort, workerData } from "node:worker_threads";
import { drawPlan } from "./plan.js";
import { run } from "./run.js";
import type { Shift, WorkerMessage } from "./shift.js";
import { shrink } from "./shrink.js";

/** Runs the seeds of its shift, one after the other. */
async function work(shift: Shift, tell: (message: WorkerMessage) => void): Promise<void> {
  const until = performance.now() + shift.mostMs;
  let failures = 0;
  for (let seed = shift.from; seed < shift.to && failures < shift.failures; seed += shift.stride) {
    if (performance.now() > until) break;
    const plan = drawPlan(seed);
    const outcome = await run(plan);
    const { violations, steps, won, hash } = outcome;
    const faults = plan.faults.map(({ kind }) => kind);
    const actors = plan.actors.map(({ kind }) => kind);
    tell({ seed, steps, won, hash, faults, actors, violations });
    if (violations.length === 0) continue;
    failures++;
    if (shift.shrink) tell({ seed, shrunken: await shrink(plan) });
  }
}

await work(workerData as Shift, (message) => parentPort?.postMessage(message));
