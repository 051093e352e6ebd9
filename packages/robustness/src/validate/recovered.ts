import type { Run } from "../model/run.js";
import { recoveries } from "../report/recovery.js";
import type { Violation } from "../report/violation.js";

/** Many times what it takes: longer is for ever. */
const LONGEST_US = 60_000_000;

/** Clients get on with their work, whatever has happened. */
export function checkRecovery(run: Run): Violation[] {
  return recoveries(run)
    .filter(({ us, watchedUs }) => (us === undefined ? watchedUs > LONGEST_US : us > LONGEST_US))
    .map(({ fault, us, watchedUs }) => ({
      check: "recovery",
      told: `after "${fault.kind}" of ${fault.target} a client did nothing for ${((us ?? watchedUs) / 1e6).toFixed(1)} s`,
    }));
}
