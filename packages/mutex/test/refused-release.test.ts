import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { startEtcd } from "@etcdkit/testing";
import { eventually, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { connect, Mutex, Session } from "../src/index.js";
import { openSession } from "./open-session.js";

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

it("a lock whose release is refused for good keeps no other from being tried again", async () => {
  const session = await openSession({ ttl: 2 });
  const prefix = testPrefix();
  const first = await new Mutex(session, `${prefix}a`).lock();
  const second = await new Mutex(session, `${prefix}b`).lock();
  const member = internals(session.connection).members.current;
  const [txn, look] = [member.txn.bind(member), member.leaseTimeToLive.bind(member)];
  const refused = new Set([first.key, second.key]);
  member.txn = async (request, call) => {
    const deleted = request.success.flatMap((op) => ("deleteRange" in op ? [op.deleteRange] : []));
    if (!deleted.some(({ key }) => refused.has(key.toString()))) return await txn(request, call);
    throw new EtcdFailure("permission", "refused by the test");
  };
  // etcd tells the keys of a lease in no order: the refused one is to be the first to be tried
  member.leaseTimeToLive = async (lease, call) => {
    const left = await look(lease, call);
    return { ...left, keys: left.keys.toSorted(Buffer.compare) };
  };
  await Promise.all([first.release(), second.release()]);
  const there = ({ key }: { key: string }) => testClient().get(key).exists();
  expect([await there(first), await there(second)]).toEqual([true, true]);
  refused.delete(second.key);
  await eventually(async () => !(await there(second)), { withinMs: 8_000 });
  expect(await there(first)).toBe(true);
  refused.clear();
  await eventually(async () => !(await there(first)), { withinMs: 8_000 });
}, 30_000);
