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

/** An `etcdctl` that stays, as an operator's terminal does; killed when the test ends. */
export interface RunningEtcdctl {
  /** Its lines so far. */
  readonly lines: () => string[];
  /** Resolves with its lines once they are `count`. */
  readonly says: (count: number) => Promise<string[]>;
  /** Interrupts it, as Ctrl-C does. */
  readonly end: () => Promise<void>;
  readonly exitCode: Promise<number | null>;
}

/** Starts `etcdctl` with these arguments. */
export async function startEtcdctl(...args: string[]): Promise<RunningEtcdctl> {
  const child = spawn(...(await command(args)), { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const exitCode = once(child, "close").then(([code]) => code as number | null);
  const lines = () => text.split("\n").slice(0, -1);
  const says = async (count: number) => {
    await eventually(() => lines().length >= count, { what: `${count} lines of etcdctl` });
    return lines();
  };
  const end = async () => {
    child.kill("SIGINT");
    await exitCode;
  };
  return { lines, says, end, exitCode };
}
