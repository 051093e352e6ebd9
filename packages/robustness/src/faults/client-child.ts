import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { eventually } from "@etcdkit/testing";
import type { ClientCommand, ClientNews, ClientOrder } from "../traffic/order.js";
import type { Janitor } from "./janitor.js";

const READY_MS = 30_000;

/** A client process, under control. */
export class ClientChild {
  readonly order: ClientOrder;
  readonly #child: ChildProcess;
  readonly #gone: Promise<string>;
  #ready = false;
  #killed = false;
  #over = false;
  #pending: string[] = [];
  #complaints = "";

  constructor(order: ClientOrder, janitor: Janitor) {
    this.order = order;
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const file = new URL(
      extension === "ts" ? "../traffic/client-process.ts" : "./traffic/client-process.js",
      import.meta.url,
    );
    const execArgv =
      extension === "ts"
        ? ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx")]
        : [];
    this.#child = fork(fileURLToPath(file), [JSON.stringify(order)], {
      execArgv,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const { pid } = this.#child;
    if (pid !== undefined) janitor.process(pid);
    this.#child.on("error", () => undefined);
    this.#child.on("message", (news: ClientNews) => {
      if (news.news === "ready") this.#ready = true;
      else this.#pending = news.pending;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints += text;
    });
    this.#gone = once(this.#child, "close").then(([code, signal]) => {
      this.#over = true;
      if (pid !== undefined) janitor.ended(pid);
      return `${signal ?? `exit code ${code}`}`;
    });
  }

  get name(): string {
    return this.order.name;
  }

  /** What it wrote to stderr. */
  get complaints(): string {
    return this.#complaints.trim();
  }

  /** Whether it has ended though nobody had asked it to. */
  get failed(): boolean {
    return this.#over && !this.#killed;
  }

  async ready(): Promise<void> {
    const what = `client process ${this.name}`;
    await eventually(() => this.#ready || this.#over, { withinMs: READY_MS, what });
    if (!this.#ready) throw new Error(`${what} did not start: ${this.complaints}`);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#killed = true;
    this.#child.kill("SIGKILL");
    await this.#gone;
  }

  /** SIGSTOP; resolves when it stands still. */
  async freeze(): Promise<void> {
    this.#child.kill("SIGSTOP");
    const { pid } = this.#child;
    await eventually(async () => this.#over || (await stands(pid)), { what: "SIGSTOP" });
  }

  /** SIGCONT. */
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Its event loop stands still for so long. */
  block(ms: number): void {
    this.#send({ do: "block", ms });
  }

  /** It begins nothing more, ends what it has begun, and goes. What it still waits for after `withinMs`; then it is killed. */
  async stop(withinMs: number): Promise<string[]> {
    this.#killed = true;
    this.#send({ do: "stop" });
    const ended = await eventually(() => this.#over, { withinMs }).catch(() => false);
    if (ended) return [];
    await this.kill();
    return this.#pending.length > 0 ? this.#pending : ["something that it does not tell"];
  }

  #send(command: ClientCommand): void {
    // one that has just gone is noticed elsewhere
    this.#child.send(command, () => undefined);
  }
}

async function stands(pid: number | undefined): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // the name in brackets may hold brackets itself
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}
