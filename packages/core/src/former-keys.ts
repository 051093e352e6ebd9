import { prefixEnd } from "./keys.js";
import type { Lease } from "./lease.js";
import type { Patience } from "./members.js";

/**
 * The keys in etcd that `Lease.reserveKey` gave for `base`, on this lease, in a former life of it: oldest first, those in use again among
 * them.
 */
export async function formerKeys(
  lease: Lease,
  base: string,
  patience: Pick<Patience, "what" | "signal">,
): Promise<string[]> {
  const key = Buffer.from(base);
  const sort = { by: "create", order: "ascend" } as const;
  const request = { key, rangeEnd: prefixEnd(key), sort, keysOnly: true };
  const { kvs } = await lease.call((etcd, call) => etcd.range(request, call), patience);
  return kvs
    .filter((kv) => kv.lease === lease.id)
    .map((kv) => kv.key.toString())
    .filter((name) => /^(-\d+)?$/.test(name.slice(base.length)));
}
