import type { ChildProcess } from "node:child_process";

/** `child` does not outlive this process, as long as that ends by itself or as `endOnSignals` has it. */
export function endsWithUs(child: ChildProcess): void {
  const end = () => child.kill();
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
}

/** Ctrl-C, or a request to end, ends this process in order, so that what was started is ended too. */
export function endOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
}
