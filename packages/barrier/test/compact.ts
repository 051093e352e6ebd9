import { testClient, testPrefix } from "@etcdkit/testing/vitest";

/** Of what was written until now, no history is left. */
export async function compact(): Promise<void> {
  const client = testClient();
  const { header } = await client.put(`${testPrefix()}unrelated`).value("1");
  await client.kv.compact({ revision: header.revision, physical: true });
}
