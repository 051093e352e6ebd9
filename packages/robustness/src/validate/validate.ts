import type { Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";
import { checkBarriers } from "./barriers.js";
import { checkCounters } from "./counters.js";
import { checkDoubleBarriers } from "./double-barriers.js";
import { checkExclusion } from "./exclusion.js";
import { checkFencedRegisters } from "./fenced-register.js";
import { checkMembership } from "./membership.js";
import { checkObservers } from "./observers.js";
import { checkRecovery } from "./recovered.js";
import { checkErrors } from "./unexpected.js";

type Check = (run: Run) => Violation[];

const checks: readonly Check[] = [
  checkExclusion,
  checkFencedRegisters,
  checkCounters,
  checkObservers,
  checkBarriers,
  checkDoubleBarriers,
  checkMembership,
  checkRecovery,
  checkErrors,
];

/** Everything that must hold of a run, in the order in which a reader would want to know. */
export function validate(run: Run): Violation[] {
  return checks.flatMap((check) => check(run));
}
