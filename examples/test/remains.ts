import type { EtcdServer } from "@etcdkit/testing";

/** What is in an etcd: a test that has one for itself expects nothing in the end. */
export async function remainsIn(server: EtcdServer): Promise<{ keys: string[]; leases: number }> {
  const keys = await server.client().getAll().keys();
  const [endpoint] = server.endpoints;
  // the client has no call for this one, but etcd's own gateway has
  const reply = await fetch(`http://${endpoint}/v3/lease/leases`, { method: "POST", body: "{}" });
  if (!reply.ok) throw new Error(`listing the leases: ${reply.status} ${await reply.text()}`);
  const { leases = [] } = (await reply.json()) as { leases?: unknown[] };
  return { keys, leases: leases.length };
}

export const nothing = { keys: [], leases: 0 };
