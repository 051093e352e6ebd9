import { testClient, testPrefix } from "@etcdkit/testing/vitest";

/** All history up to now goes; a watch that is open follows on. */
export async function compact(): Promise<void> {
  const client = testClient();
  const { header } = await client.put(`${testPrefix()}unrelated`).value("1");
  const request = { revision: header.revision, physical: true };
  await client.kv.compact(request).catch((error) => {
    // by a test beside this one, and further
    if (!/has been compacted/.test(`${error}`)) throw error;
  });
}
