import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { eventually } from "@etcdkit/testing";
import { onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A script of a `package.json` as a child process, in a process group of its own as a shell would start it. */
export class Program {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  /** @param endpoints the etcd to use; without it the program has to find its own */
  constructor(folder: string, script: string, endpoints?: string[], more: string[] = []) {
    const { scripts } = JSON.parse(readFileSync(`${root}/${folder}/package.json`, "utf8"));
    const [command, ...args] = `${scripts[script]}`.split(" ");
    if (command !== "node") throw new Error(`${script} in ${folder} does not start with "node"`);
    const { ETCD_ENDPOINTS: _, ...env } = process.env;
    this.#child = spawn(process.execPath, [...args, ...more], {
      cwd: `${root}/${folder}`,
      env: endpoints ? { ...env, ETCD_ENDPOINTS: endpoints.join(",") } : env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
    });
    this.#closed = once(this.#child, "close");
    onTestFinished(() => {
      if (this.running) this.interrupt("SIGKILL");
    });
  }

  /** The signal or exit code it ends with, once it has. */
  async exit(): Promise<number | NodeJS.Signals | null> {
    await this.#closed;
    return this.#child.signalCode ?? this.#child.exitCode;
  }

  /** The first match in what it has printed, once it is there. */
  async printed(pattern: RegExp, withinMs = 30_000): Promise<RegExpMatchArray> {
    const ended = () => this.#child.exitCode !== null || this.#child.signalCode !== null;
    const what = `${pattern} in the output`;
    await eventually(() => pattern.test(this.stdout) || ended(), { withinMs, what });
    const found = this.stdout.match(pattern);
    if (found) return found;
    throw new Error(`it ended without ${what}: ${this.stdout}${this.stderr}`);
  }

  /** A signal to all its processes, as a terminal does at Ctrl-C. */
  interrupt(signal: NodeJS.Signals): void {
    process.kill(-this.#pid, signal);
  }

  /** SIGKILL to the program itself, and not to those it started. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  get running(): boolean {
    return exists(-this.#pid);
  }

  /** When no process of its group is there any more: tsx has one that ends a moment after the program. */
  async allGone(): Promise<void> {
    await eventually(() => !this.running, { what: "the end of all its processes" });
  }

  get #pid(): number {
    if (this.#child.pid === undefined) throw new Error("it was never started");
    return this.#child.pid;
  }
}

export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
