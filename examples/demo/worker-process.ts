import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Report, Task } from "./task.js";

// a turn, and a word to etcd
const LEAVE_MS = 5_000;

/** A worker as the demo sees it: a child process that tells what it does. */
export class WorkerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  /** Whether its end is asked for. */
  #ending = false;
  /** The steps of its work done so far; undefined while it does none. */
  done: number | undefined;
  killed = false;
  /** Until when its session is good by its own last word, as `performance.now()` counts. */
  #goodUntil = 0;

  /** @param failed is told when the process ends in a way that nobody asked for */
  constructor(task: Task, heard: (report: Report) => void, failed: (error: Error) => void) {
    this.name = task.name;
    const file = fileURLToPath(new URL("worker.ts", import.meta.url));
    // bigint passes in the advanced serialization only
    this.#child = fork(file, [JSON.stringify(task)], { serialization: "advanced" });
    this.#child.on("message", (report: Report) => {
      this.#note(report);
      heard(report);
    });
    this.#child.on("error", failed);
    this.#gone = once(this.#child, "exit").then(([code, signal]) => {
      if (this.killed || (this.#ending && code === 0)) return;
      const how = this.#ending ? "did not leave as asked" : "ended by itself";
      failed(new Error(`worker ${this.name} ${how} (${signal ?? `exit code ${code}`})`));
    });
    this.#gone.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** By what it said last: a dead one says nothing, and its time goes on running out. */
  get remainingMs(): number {
    return Math.max(0, this.#goodUntil - performance.now());
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#ending = true;
    this.killed = true;
    this.#child.kill("SIGKILL");
    await this.#gone;
  }

  /** Lets it finish its turn and close its session; if that takes too long, kills it. */
  async leave(): Promise<void> {
    this.#ending = true;
    if (this.#child.connected) this.#child.send("leave", () => undefined);
    const hurry = new AbortController();
    const late = sleep(LEAVE_MS, "late", { signal: hurry.signal }).catch(() => undefined);
    if ((await Promise.race([this.#gone, late])) === "late") this.#child.kill("SIGKILL");
    hurry.abort();
    await this.#gone;
  }

  #note(report: Report): void {
    if (report.type === "began") this.done = 0;
    if (report.type === "works") this.done = report.done;
    if (report.type === "ended") this.done = undefined;
    if ("remainingMs" in report) this.#goodUntil = performance.now() + report.remainingMs;
  }
}
