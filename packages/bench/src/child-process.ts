import { type SpawnOptions, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { endsWithUs } from "./ending.js";
import type { Figures } from "./figures.js";
import type { Env, PeerName } from "./workload.js";

/** What a process of its own is to do. */
export type Order =
  | ({ readonly workload: string; readonly peer: PeerName } & Env)
  | { readonly hold: true; readonly endpoints: string[] };

const LONGEST_MS = 180_000;

/** Arguments for Node that have `child.ts` carry out `order`, in the same way as this process runs. */
export function childArguments(order: Order, node = process.execArgv): string[] {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = fileURLToPath(new URL(`./child.${extension}`, import.meta.url));
  return [...node, entry, JSON.stringify(order)];
}

/** Every peer runs in a process of its own, so that its CPU and memory are its own. */
export async function runChild(order: Order, node?: string[]): Promise<Figures> {
  const line = await lastLine(process.execPath, childArguments(order, node));
  return JSON.parse(line);
}

/** The last line that a program prints, which must end well. */
export async function lastLine(
  program: string,
  args: string[],
  options: SpawnOptions = {},
): Promise<string> {
  const stdio: SpawnOptions["stdio"] = ["ignore", "pipe", "pipe"];
  const child = spawn(program, args, { ...options, stdio, timeout: LONGEST_MS });
  endsWithUs(child);
  let output = "";
  let errors = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve(status ?? signal));
  });
  const line = output.trim().split("\n").at(-1) ?? "";
  if (code === 0) return line;
  process.stderr.write(errors);
  // the Go program says it in its line
  const told = /^\w*Error\b.*$/m.exec(errors)?.[0] ?? line;
  throw new Error(`it ended with ${code}: ${told.slice(0, 300)}`);
}
