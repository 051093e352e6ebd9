import type { KeyLife } from "../model/key-life.js";
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

/** As the faults are called that do it. */
const FREEZES: readonly string[] = ["freeze a member", "freeze a majority"];
/**
 * After it runs again: the first of its requests to end leases may wait for as long as etcd gives a request, 5 s and two elections
 * (etcd, server/config: ReqTimeout), and those behind them are made then.
 */
const AFTERMATH_US = 8_000_000;

/**
 * From when on etcd may have ended a lease before its time: around the freezing of a leader it ends leases that are being renewed
 * (etcd-io/etcd#15247, of which #16822 is a mitigation). Only where the holder still believed when its key was known to be gone.
 */
export function endedEarly(
  { last }: Belief,
  life: KeyLife | undefined,
  faults: readonly FaultRecord[],
): Micros {
  const gone = life?.endAt ?? Number.POSITIVE_INFINITY;
  if (last.after <= gone) return Number.POSITIVE_INFINITY;
  const frozen = faults.find(
    ({ kind, begin, end }) => FREEZES.includes(kind) && begin <= gone && gone <= end + AFTERMATH_US,
  );
  return frozen?.begin ?? Number.POSITIVE_INFINITY;
}
