import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { onTestFinished } from "vitest";

/** A TypeScript file in a process of its own, and what it has said so far. */
export interface SourceProcess {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly running: () => boolean;
  /** Its exit code, or the name of the signal that ended it, once all it said was read. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Starts `file` on the sources of all packages; killed when the test ends. */
export function startSource(file: string, ...args: string[]): SourceProcess {
  const node = ["--conditions=@etcdkit/source", "--import", import.meta.resolve("tsx")];
  const child = spawn(process.execPath, [...node, file, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = { stdout: "", stderr: "" };
  for (const where of ["stdout", "stderr"] as const) {
    child[where].setEncoding("utf8").on("data", (text: string) => {
      said[where] += text;
    });
  }
  return {
    process: child,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    running: () => child.exitCode === null && child.signalCode === null,
    ended: once(child, "close").then(([code, signal]) => code ?? signal),
  };
}
