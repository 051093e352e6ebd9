import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Report, Task } from "./task.js";

// a turn, and a word to etcd
const LEAVE_MS = 5_000;

/** An instance as the demo sees it: a child process that tells what it does. */
export class InstanceProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  /** Whether its end is asked for. */
  #ending = false;
  killed = false;

  /** @param failed is told when the process ends in a way that nobody asked for */
  constructor(task: Task, heard: (report: Report) => void, failed: (error: Error) => void) {
    this.name = task.name;
    const file = fileURLToPath(new URL("instance.ts", import.meta.url));
    // bigint passes in the advanced serialization only
    this.#child = fork(file, [JSON.stringify(task)], { serialization: "advanced" });
    this.#child.on("message", heard);
    this.#child.on("error", failed);
    // its last reports come before the channel ends
    const silent = once(this.#child, "disconnect");
    silent.catch(() => undefined);
    this.#gone = once(this.#child, "exit").then(async ([code, signal]) => {
      await silent;
      // SIGTERM by itself ends one that has only begun to start
      if (this.killed || (this.#ending && (code === 0 || signal === "SIGTERM"))) return;
      const how = this.#ending ? "did not leave as asked" : "ended by itself";
      failed(new Error(`instance ${this.name} ${how} (${signal ?? `exit code ${code}`})`));
    });
    this.#gone.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#ending = true;
    this.killed = true;
    this.#child.kill("SIGKILL");
    await this.#gone;
  }

  /** SIGTERM: it finishes its turn, resigns and says goodbye. If that takes too long, kills it. */
  async leave(): Promise<void> {
    this.#ending = true;
    this.#child.kill("SIGTERM");
    const hurry = new AbortController();
    const late = sleep(LEAVE_MS, "late", { signal: hurry.signal }).catch(() => undefined);
    const first = await Promise.race([this.#gone.catch(() => undefined), late]);
    if (first === "late") this.#child.kill("SIGKILL");
    hurry.abort();
    await this.#gone;
  }
}
