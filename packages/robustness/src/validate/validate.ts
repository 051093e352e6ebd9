import type { Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";

type Check = (run: Run) => Violation[];

const checks: readonly Check[] = [];

/** Everything that must hold of a run, in the order in which a reader would want to know. */
export function validate(run: Run): Violation[] {
  return checks.flatMap((check) => check(run));
}
