import type { FaultRecord, Micros } from "../model/record.js";
import type { Belief } from "../model/run.js";

/**
 * From when on an operator may have taken from a holder what it holds: its key deleted, or its lease revoked. It hears of that
 * within a second and not at once, so that from then on its belief says nothing. Infinite for most.
 */
export function deposedAt(belief: Belief, faults: readonly FaultRecord[]): Micros {
  const hits = faults.filter(({ deleted, revoked }) => {
    if (revoked !== undefined) return revoked === belief.lease;
    // a barrier's hold has no token
    return deleted?.key === belief.key && (!belief.token || deleted.token === belief.token);
  });
  return Math.min(Number.POSITIVE_INFINITY, ...hits.map(({ begin }) => begin));
}

/** Those faults alone: a run has many others. */
export function depositions(faults: readonly FaultRecord[]): FaultRecord[] {
  return faults.filter(({ deleted, revoked }) => deleted !== undefined || revoked !== undefined);
}
