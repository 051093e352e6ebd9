import type { Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";

/** Errors that the library does not promise. */
export function checkErrors({ operations }: Run): Violation[] {
  return operations
    .filter(({ end }) => end?.outcome === "unexpected")
    .map(({ process, kind, name, end }) => ({
      check: "errors",
      told: `${process}: ${kind} ${name} at ${end?.at} us: ${end?.detail?.error}`,
    }));
}
