import { constants } from "node:os";

/** The user wants the demo to end: Ctrl-C, a closed terminal, `kill`, or a pipe that nobody reads any more. */
export class Interruption extends Error {
  override name = "Interruption";
  /** What a shell would give for a program that this signal ended. */
  readonly exitCode: number;

  constructor(by: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE") {
    super(`interrupted by ${by}`);
    this.exitCode = 128 + constants.signals[by];
  }
}

/** Aborts `controller` at the first wish to end; a second Ctrl-C ends the process as usual. */
export function abortOnInterruption(controller: AbortController): void {
  for (const by of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(by, () => controller.abort(new Interruption(by)));
  }
  process.stdout.on("error", () => controller.abort(new Interruption("SIGPIPE")));
}
