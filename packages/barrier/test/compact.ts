import { etcdClient } from "./file-etcd.js";

/** All history up to now goes; a watch that is open follows on. */
export async function compact(client = etcdClient()): Promise<void> {
  const { header } = await client.put("unrelated").value("1");
  await client.kv.compact({ revision: header.revision, physical: true });
}
