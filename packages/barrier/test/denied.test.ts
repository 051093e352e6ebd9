import { Barrier, connect, DoubleBarrier, Session } from "@etcdkit/barrier";
import { startEtcd, startProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { outcomeOf } from "./outcome.js";
import { waitingAt } from "./waiting-at.js";

const USER = { name: "worker", password: "secret", prefix: "inside/" };

test("a permission that is withdrawn while one waits, enters and leaves is told, and is no release", async () => {
  const server = await startEtcd({ own: true, auth: { users: [USER] } });
  onTestFinished(() => server.stop());
  const [target = ""] = server.endpoints;
  const proxy = await startProxy({ target });
  onTestFinished(() => proxy.close());
  const auth = { username: USER.name, password: USER.password };
  const etcd = connect({ hosts: [proxy.endpoint], auth });
  onTestFinished(() => etcd.close());
  const session = await Session.open(etcd, { ttl: 20 });
  const barrier = new Barrier(etcd, "inside/barrier");
  await barrier.hold();
  const member = (name: string) => new DoubleBarrier(session, name, { count: 2 });
  const [eldest, other] = [member("inside/left"), member("inside/left")];
  await Promise.all([eldest.enter(), other.enter()]);
  const waits = [barrier.wait(), member("inside/entered").enter(), eldest.leave()].map(outcomeOf);
  await waitingAt(etcd, "inside/barrier", 1);
  const client = server.client();
  await eventually(async () => (await client.getAll().prefix("inside/entered/").count()) === 1);
  const range = { key: Buffer.from("inside/"), range_end: Buffer.from("inside0") };
  await client.auth.roleRevokePermission({ role: USER.name, ...range });
  // etcd asks when a watch begins
  proxy.reset();
  for (const wait of waits) expect(await wait.settled).toMatchObject({ code: "PERMISSION_DENIED" });
});
