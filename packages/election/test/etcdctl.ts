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

/** An operator's `etcdctl elect`; ended when the test ends. */
export interface EtcdctlElect {
  /** Its lines so far: a key and a value for each leader; as a candidate, its own once it leads. */
  readonly lines: () => string[];
  /** Resolves with its lines once they are `count`. */
  readonly says: (count: number) => Promise<string[]>;
  /** Interrupts it, as Ctrl-C does: a candidate resigns. */
  readonly end: () => Promise<void>;
}

/** Starts `etcdctl elect <args>`: a name and a proposal to campaign, `-l` and a name to listen. */
export async function etcdctlElect(...args: string[]): Promise<EtcdctlElect> {
  const child = spawn(...(await command(["elect", ...args])), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const exited = once(child, "close");
  const lines = () => text.split("\n").slice(0, -1);
  return {
    lines,
    says: async (count) => {
      await eventually(() => lines().length >= count, { what: `${count} lines of etcdctl` });
      return lines();
    },
    end: async () => {
      child.kill("SIGINT");
      await exited;
    },
  };
}
