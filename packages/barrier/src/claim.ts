import type { Lease } from "@etcdkit/core/internal";

const byLease = new WeakMap<Lease, Map<string, number>>();

/** Whether a hold on this lease, or an attempt at one, has claimed the name. */
export function claimed(lease: Lease, name: string): boolean {
  return byLease.get(lease)?.has(name) === true;
}

/**
 * Keeps the sweep for late keys from this name until the returned function is called. Who holds is for etcd to say, and a hold that is
 * over may not know it, so that several may have claimed one name: it is free after the last of them.
 */
export function claim(lease: Lease, name: string): () => void {
  const counts = byLease.get(lease) ?? new Map<string, number>();
  byLease.set(lease, counts);
  counts.set(name, (counts.get(name) ?? 0) + 1);
  lease.claimKey(name);
  return () => {
    const left = (counts.get(name) ?? 1) - 1;
    if (left > 0) {
      counts.set(name, left);
      return;
    }
    counts.delete(name);
    lease.freeKey(name);
  };
}
