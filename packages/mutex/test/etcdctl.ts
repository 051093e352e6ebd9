import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { eventually, findEtcdctl } from "@etcdkit/testing";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { onTestFinished } from "vitest";

async function command(args: string[]): Promise<[string, string[]]> {
  return [await findEtcdctl(), [`--endpoints=${sharedEtcd().endpoints}`, ...args]];
}

/** What `etcdctl`, pointed at the shared server, says to these arguments. */
export async function etcdctl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(...(await command(args)));
  return stdout;
}

/** An operator's `etcdctl lock`; ended when the test ends. */
export interface EtcdctlLock {
  /** Its lines so far: without a command of its own, the first one is its key, once it holds. */
  readonly lines: () => string[];
  /** Resolves with its first line. */
  readonly holds: () => Promise<string>;
  /** Interrupts it, as Ctrl-C does: it releases. */
  readonly end: () => Promise<void>;
  readonly exitCode: Promise<number | null>;
}

/** Starts `etcdctl lock <name> [command]`. */
export async function etcdctlLock(name: string, ...commandToRun: string[]): Promise<EtcdctlLock> {
  const child = spawn(...(await command(["lock", "--ttl=5", name, ...commandToRun])), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const exitCode = once(child, "close").then(([code]) => code as number | null);
  const lines = () => text.split("\n").slice(0, -1);
  return {
    lines,
    holds: () => eventually(() => lines()[0], { what: "etcdctl's lock" }),
    end: async () => {
      child.kill("SIGINT");
      await exitCode;
    },
    exitCode,
  };
}
