import type { Connection } from "@etcdkit/mutex";

const DEADLINE_MS = 2_000;

/**
 * Revokes the leases that keys under `prefix` hang on, and so deletes these: of one that was killed a moment ago, and the goodbyes,
 * which stay for observers until their lease runs out. Deletes the rest.
 */
export async function sweep({ client }: Connection, prefix: string): Promise<void> {
  const options = () => ({ deadline: Date.now() + DEADLINE_MS });
  const { kvs } = await client.getAll().prefix(prefix).options(options()).exec();
  const leases = new Set(kvs.map(({ lease }) => lease));
  leases.delete("0");
  // one that has run out meanwhile is no more to be revoked
  const revoke = (ID: string) =>
    client.leaseClient.leaseRevoke({ ID }, options()).catch(() => undefined);
  await Promise.all([...leases].map(revoke));
  await client.delete().prefix(prefix).options(options()).exec();
}
