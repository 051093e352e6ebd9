import type { Contender } from "@etcdkit/core";
import type { KeyValue } from "@etcdkit/core/internal";

/** Who leads: the first candidate, with its key, its value, and its place, which is its fencing token. */
export type Leader = Contender;

export function toLeader({ key, value, createRevision, lease }: KeyValue): Leader {
  return { key: key.toString(), fencingToken: createRevision, leaseId: lease, value };
}
