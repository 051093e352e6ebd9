import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = "redis-server";

/** A Redis of Debian or Homebrew, as it comes: snapshots now and then, nothing written before it answers. */
export class RedisServer implements AsyncDisposable {
  readonly endpoint: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, port: number, folder: string) {
    this.#process = child;
    this.endpoint = `127.0.0.1:${port}`;
    this.#folder = folder;
  }

  /** `undefined` where there is no `redis-server` on PATH. */
  static async start(): Promise<RedisServer | undefined> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), "etcdkit-redis-"));
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
    const child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "inherit"] });
    const forget = () => {
      // its data is of use to nobody
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    };
    process.once("exit", forget);
    child.once("exit", () => process.off("exit", forget));
    try {
      await once(child, "spawn");
    } catch {
      await rm(folder, { recursive: true });
      return undefined;
    }
    const server = new RedisServer(child, port, folder);
    for await (const line of child.stdout) {
      if (String(line).includes("eady to accept connections")) break;
    }
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address !== "object" || !address) throw new Error("no port");
  return address.port;
}
