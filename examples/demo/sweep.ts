import { type Connection, Session } from "@etcdkit/mutex";

const DEADLINE_MS = 2_000;

/**
 * Ends the leases that keys under `prefix` hang on, and so deletes these: of one that was killed a moment ago, and the goodbyes,
 * which stay for observers until their lease runs out. Deletes the rest.
 */
export async function sweep(etcd: Connection, prefix: string): Promise<void> {
  const options = () => ({ deadline: Date.now() + DEADLINE_MS });
  const { kvs } = await etcd.client.getAll().prefix(prefix).options(options()).exec();
  const leases = new Set(kvs.map(({ lease }) => BigInt(lease)));
  leases.delete(0n);
  await Promise.all([...leases].map((leaseId) => end(etcd, leaseId)));
  await etcd.client.delete().prefix(prefix).options(options()).exec();
}

/** By adopting it, and closing the session that this gives. */
async function end(etcd: Connection, leaseId: bigint): Promise<void> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const session = await Session.open(etcd, { leaseId, signal }).catch(() => undefined);
  await session?.close();
}
