import type { EtcdServer } from "@etcdkit/testing";

/** What is in an etcd: a test that has one for itself expects nothing in the end. */
export async function remainsIn(server: EtcdServer): Promise<{ keys: string[]; leases: number }> {
  const client = server.client();
  const { leases } = await client.leaseClient.leaseLeases();
  return { keys: await client.getAll().keys(), leases: leases.length };
}

export const nothing = { keys: [], leases: 0 };
