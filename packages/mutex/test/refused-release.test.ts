import { startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { connect, Mutex, Session } from "../src/index.js";

it("a lock whose release etcd refuses is free soon after it is allowed again", async () => {
  const user = { name: "worker", password: "secret", prefix: "inside/" };
  const server = await startEtcd({ auth: { users: [user] } });
  onTestFinished(() => server.stop());
  const auth = { username: user.name, password: user.password };
  const etcd = connect({ hosts: server.endpoints, auth });
  onTestFinished(() => etcd.close());
  const session = await Session.open(etcd, { ttl: 3 });
  const lock = await new Mutex(session, "inside/lock").lock();
  const admin = server.client();
  await admin.user(user.name).removeRole(user.name);
  await lock.release();
  const there = () => admin.get(lock.key).exists();
  expect(await there()).toBe(true);
  // before the session is lost: etcd renews no lease whose keys the user may not write
  await admin.user(user.name).addRole(user.name);
  await eventually(async () => !(await there()), { withinMs: 8_000 });
  expect(session.state).toBe("connected");
}, 30_000);
