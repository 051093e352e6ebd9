import type { FaultRecord, Micros } from "../model/record.js";

/**
 * Whether whoever had seen everything up to `seen` may, at the time `at`, have found that etcd had compacted what came then: it is
 * told the difference instead of each change.
 */
export function mayHaveMissed(
  faults: readonly FaultRecord[],
  { seen, at }: { seen: number; at: Micros },
): boolean {
  return faults.some(({ compacted = 0, begin }) => compacted > seen && begin < at);
}
