import { startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { connect, Session } from "../src/index.js";

it("closing the connection waits for a session that is closing already", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const etcd = connect({ hosts: proxy.endpoint });
  const session = await Session.open(etcd, { ttl: 10 });
  const key = `${testPrefix()}held`;
  await etcd.client.put(key).value("").lease(`${session.leaseId}`);
  proxy.delay(100);
  void session.close();
  await etcd.close();
  expect(await testClient().get(key).exists()).toBe(false);
});
