import { setTimeout as sleep } from "node:timers/promises";
import type { Mutex } from "@etcdkit/mutex";
import type { Screen } from "./screen.js";
import type { Report, Task } from "./task.js";
import { Turns } from "./turns.js";
import type { Row, View } from "./view.js";
import { WorkerProcess } from "./worker-process.js";

const LOOK_MS = 100;

/** The workers, what they have reported, and what an onlooker sees of them in etcd. */
export class Stage {
  readonly turns = new Turns();
  readonly workers: WorkerProcess[] = [];
  readonly #listeners = new Set<(worker: WorkerProcess, report: Report) => void>();

  /** @param failed is told when a worker ends in a way that nobody asked for */
  start(task: Task, failed: (error: Error) => void): WorkerProcess {
    const heard = (report: Report) => {
      this.#record(worker, report);
      for (const listener of [...this.#listeners]) listener(worker, report);
    };
    const worker = new WorkerProcess(task, heard, failed);
    this.workers.push(worker);
    return worker;
  }

  /** The first report, from now on, that `matches`. */
  report(
    matches: (worker: WorkerProcess, report: Report) => boolean,
    signal: AbortSignal,
  ): Promise<WorkerProcess> {
    return new Promise((resolve, reject) => {
      const listener = (worker: WorkerProcess, report: Report) => {
        if (!matches(worker, report)) return;
        done();
        resolve(worker);
      };
      const abort = () => {
        done();
        reject(signal.reason);
      };
      const done = () => {
        this.#listeners.delete(listener);
        signal.removeEventListener("abort", abort);
      };
      this.#listeners.add(listener);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
    });
  }

  /** SIGKILL, in the middle of whatever it does. Resolves with the time of it when the process is gone. */
  async kill(worker: WorkerProcess): Promise<bigint> {
    const at = process.hrtime.bigint();
    await worker.kill();
    this.turns.died(worker.name, process.hrtime.bigint());
    return at;
  }

  /** All who live finish their turn and end. */
  async leave(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.leave()));
  }

  /** Shows how things stand, over and over, until `signal` aborts. */
  async watch(mutex: Mutex, screen: Screen, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const view = await this.#look(mutex);
      if (!signal.aborted) screen.show(view);
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(mutex: Mutex): Promise<View> {
    const contenders = await mutex.contenders();
    const rows = this.workers.map((worker): Row & { rank: number } => {
      const rank = contenders.findIndex(({ value }) => value.toString() === worker.name);
      return {
        name: worker.name,
        pid: worker.pid,
        place: rank < 0 ? "away" : rank === 0 ? "holds" : "waits",
        killed: worker.killed,
        fencingToken: contenders[rank]?.fencingToken,
        done: worker.done,
        remainingMs: rank === 0 ? worker.remainingMs : undefined,
        turns: this.turns.finished(worker.name),
        rank: rank < 0 ? Number.POSITIVE_INFINITY : rank,
      };
    });
    return rows.sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank));
  }

  #record(worker: WorkerProcess, report: Report): void {
    if (report.type === "began") {
      const { fencingToken, at } = report;
      this.turns.began({ worker: worker.name, fencingToken, began: at });
    } else if (report.type === "ended") {
      this.turns.ended(worker.name, report.at);
    }
  }
}
