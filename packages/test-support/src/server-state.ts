import type { EtcdServer } from "@etcdkit/testing";

/** What any write, grant or revocation changes. */
export async function serverState(server: EtcdServer) {
  const client = server.client();
  const { header } = await client.get("any").exec();
  const { leases } = await client.leaseClient.leaseLeases();
  return { revision: header.revision, leases: leases.map(({ ID }) => ID) };
}
