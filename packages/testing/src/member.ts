import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnvironment } from "./child-environment.js";
import type { ClientCredentials } from "./credentials.js";
import { TestingError } from "./errors.js";
import { spawnGuarded } from "./guard.js";
import { httpGet } from "./http-get.js";
import { removeFolder } from "./member-place.js";
import { isFree } from "./ports.js";
import { stopped } from "./process-state.js";

/** One etcd process: what it is started with. */
export interface MemberPlan {
  name: string;
  binary: string;
  args: string[];
  /** `host:port` at which the process itself answers clients. */
  endpoint: string;
  /** The ports of 127.0.0.1 that it listens on; none where it is in another network. */
  ports: number[];
  credentials: ClientCredentials | undefined;
  /** Holds the data, the log and the certificates. */
  folder: string;
  /** Whether the folder goes away with the member. */
  disposable: boolean;
  readyTimeoutMs: number;
}

// etcd answers SIGTERM in well under a second, unless it waits for calls that never end
const GRACE_MS = 3_000;

/** One etcd process through its life: started, paused, killed, started again on the same data. */
export class Member {
  #child: ChildProcess | undefined;
  #lastLog = "";
  #retired = false;
  #removed = false;

  constructor(readonly plan: MemberPlan) {}

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get log(): string {
    if (this.#removed) return this.#lastLog;
    try {
      return readFileSync(this.#logFile, "utf8");
    } catch {
      return this.#lastLog;
    }
  }

  /** Starts the process and waits until it answers a linearizable read. */
  async start(): Promise<void> {
    await this.#checkPorts();
    this.#checkNotRetired();
    if (this.#child) throw new TestingError("start-failed", `${this.plan.name} is already running`);
    const logBefore = this.log.length;
    // a file, and not a pipe: etcd would stall on a full pipe while this process is busy
    const log = openSync(this.#logFile, "a");
    const child = await this.#spawn(log).finally(() => closeSync(log));
    child.once("exit", () => this.#gone(child));
    this.#child = child;
    // a test that forgets stop() must still be able to end
    child.unref();
    try {
      await this.#ready(child);
    } catch (cause) {
      await this.kill();
      this.#checkNotRetired();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TestingError(
        "start-failed",
        `${this.plan.name} (${this.plan.binary}) did not start: ${why}. Its log:\n${this.log.slice(logBefore)}`,
        { cause },
      );
    }
  }

  /** From now on nothing is started: a start under way ends its process, and rejects. */
  retire(): void {
    this.#retired = true;
  }

  /** SIGTERM, then SIGKILL when that takes too long. Works on a paused process too. */
  async terminate(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.kill("SIGTERM");
    // pending until the process runs again
    child.kill("SIGCONT");
    const exited = exit(child);
    const hurry = new AbortController();
    const late = sleep(GRACE_MS, undefined, { signal: hurry.signal }).catch(() => undefined);
    await Promise.race([exited, late]);
    hurry.abort();
    await this.kill();
  }

  /** SIGKILL; returns when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.kill("SIGKILL");
    await exit(child);
  }

  /** SIGSTOP; returns when the process has stopped. */
  async pause(): Promise<void> {
    const { pid } = this.#running("paused");
    process.kill(pid, "SIGSTOP");
    await stopped(pid);
  }

  /** SIGCONT. */
  resume(): void {
    process.kill(this.#running("resumed").pid, "SIGCONT");
  }

  /** Removes the folder; the log stays readable. */
  async remove(): Promise<void> {
    if (this.#removed) return;
    this.#lastLog = this.log;
    this.#removed = true;
    await removeFolder(this.plan);
  }

  // another's etcd at one of them would answer for this one, before this one has failed for it
  async #checkPorts(): Promise<void> {
    for (const port of this.plan.ports) {
      if (await isFree(port)) continue;
      throw new TestingError(
        "start-failed",
        `${this.plan.name} cannot listen on 127.0.0.1:${port}: address already in use`,
      );
    }
  }

  #checkNotRetired(): void {
    if (!this.#retired) return;
    throw new TestingError("not-running", `${this.plan.name} was stopped for good`);
  }

  async #spawn(log: number): Promise<ChildProcess> {
    const { name, binary, args, disposable, folder } = this.plan;
    const guarded = { env: childEnvironment(), log, folder: disposable ? folder : undefined };
    try {
      return await spawnGuarded(binary, args, guarded);
    } catch (cause) {
      throw new TestingError("start-failed", `${name} cannot be started: ${cause}`, { cause });
    }
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + this.plan.readyTimeoutMs;
    let last = "nothing was tried";
    while (performance.now() < deadline) {
      this.#checkNotRetired();
      if (this.#child !== child)
        throw new Error(`it exited with ${child.exitCode ?? child.signalCode}`);
      try {
        // a linearizable read: it passes only where there is a leader
        const reply = await httpGet(this.plan.endpoint, "/health", this.plan.credentials, 1_000);
        if (reply.status === 200) return;
        last = `/health said ${reply.status} ${reply.body.trim()}`;
      } catch (error) {
        last = `/health: ${error instanceof Error ? error.message : error}`;
      }
      await sleep(20);
    }
    throw new Error(`not ready in ${this.plan.readyTimeoutMs} ms, ${last}`);
  }

  #running(verb: string): { pid: number } {
    const pid = this.#child?.pid;
    if (pid === undefined) {
      throw new TestingError(
        "not-running",
        `${this.plan.name} is not running, so it cannot be ${verb}`,
      );
    }
    return { pid };
  }

  #gone(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined;
  }

  get #logFile(): string {
    return join(this.plan.folder, "etcd.log");
  }
}

async function exit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  await once(child, "exit");
}
