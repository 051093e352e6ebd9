import { Barrier, connect, DoubleBarrier, Session } from "@etcdkit/barrier";
import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { startEtcd, startProxy } from "@etcdkit/testing";
import { eventually, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { openMember, present } from "./gather.js";
import { deletes } from "./late.js";
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

test.for([
  ["deleted by hand", "done"],
  ["dead", expect.objectContaining({ code: "HOLDER_LOST" })],
] as const)(
  "a waiter that may not read all keys of the holder's session, onHolderLost fail: %s",
  async ([what, outcome]) => {
    const users = [USER, { name: "holder", password: "secret", prefix: "" }];
    const server = await startEtcd({ own: true, auth: { users } });
    onTestFinished(() => server.stop());
    const open = (username: string) => {
      const etcd = connect({ hosts: server.endpoints, auth: { username, password: "secret" } });
      onTestFinished(() => etcd.close());
      return etcd;
    };
    const etcd = open("holder");
    const session = await Session.open(etcd, { ttl: 20 });
    await new Barrier(etcd, "outside/barrier").hold({ session });
    await new Barrier(etcd, "inside/barrier").hold({ session, onHolderLost: "fail" });
    const waiter = open(USER.name);
    const waiting = outcomeOf(new Barrier(waiter, "inside/barrier").wait());
    await waitingAt(waiter, "inside/barrier", 1);
    if (what === "dead") await session.close();
    else await server.client().delete().key("inside/barrier");
    expect(await waiting.settled).toEqual(outcome);
  },
);

test("a member's key that etcd would not let it delete is not taken for that of its next round, and is deleted when it may be", async () => {
  const name = `${testPrefix()}double`;
  const [eldest, one, next] = [
    await openMember(name, 2),
    await openMember(name, 2, { ttl: 2 }),
    await openMember(name, 2),
  ];
  const entering = outcomeOf(eldest.double.enter());
  await present(name, 1);
  await one.double.enter();
  await entering.settled;
  const member = internals(one.session.connection).members.current;
  const send = member.txn.bind(member);
  member.txn = async (txn, call) => {
    if (deletes(txn)) throw new EtcdFailure("permission", "refused by the test");
    return await send(txn, call);
  };
  await expect(one.double.leave()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await eldest.session.close();
  const again = outcomeOf(one.double.enter());
  // the key that was let in before, and its own
  const [refused] = await present(name, 2);
  expect(again.now).toBe("pending");
  member.txn = send;
  expect(await present(name, 1)).not.toContain(refused);
  expect(again.now).toBe("pending");
  await next.double.enter();
  expect(await again.settled).toBe("done");
});
