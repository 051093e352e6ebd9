import { startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
import type { EtcdFailure, WatchReply } from "../src/etcd.js";
import { openMember } from "../src/etcd3.js";
import { Lease } from "../src/lease.js";

it("a stream that is not needed any more is closed, and takes no connection of its member with it", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  const connection = openConnection({ hosts: proxy.endpoint }, new SystemClock());
  onTestFinished(async () => {
    await connection.close();
    await proxy.close();
  });
  const key = Buffer.from("absent");
  const once = async () => {
    const lease = await Lease.grant(connection, { ttl: 2 });
    const { at } = lease.deadline;
    await new Promise<unknown>((created, ended) => {
      const watch = connection.watches.open({ key }, { created, events: () => {}, ended });
      void eventually(() => lease.deadline.at > at).then(() => watch.close());
    });
    await eventually(() => lease.deadline.at > at);
    await lease.close();
    await connection.members.current.range({ key }, { deadlineMs: 5_000 });
  };
  await once();
  expect(proxy.accepted).toBe(3);
  for (let n = 0; n < 3; n++) await once();
  expect(proxy.accepted).toBe(3);
});

it("a member that is connected anew keeps its old connections for what was under way, and no longer", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  const member = openMember({ hosts: proxy.endpoint }, proxy.endpoint);
  onTestFinished(async () => {
    member.close();
    await proxy.close();
  });
  const call = { deadlineMs: 5_000 };
  const key = Buffer.from(testPrefix());
  const put = { key, value: Buffer.alloc(0) };
  const write = () => member.txn({ compare: [], success: [{ put }], failure: [] }, call);
  const lease = 0x1d1en;
  await member.leaseGrant(lease, 60, call);
  let renewed = 0;
  let written = 0;
  const end = (error: EtcdFailure) => {
    throw error;
  };
  const keepAlive = member.keepAlive({ message: () => renewed++, end });
  const message = ({ created, events }: WatchReply) => {
    if (created) void write();
    written += events.length;
  };
  const watch = member.watch({ message, end });
  watch.create({ key, id: 1n, startRevision: 0n, prevKv: false });
  keepAlive.send(lease);
  await eventually(() => renewed === 1 && written === 1);
  expect(proxy.accepted).toBe(3);
  proxy.stall({ direction: "down" });
  const underWay = member.range({ key }, call);
  const { up } = proxy.bytes;
  await eventually(() => proxy.bytes.up > up);

  member.reconnect();
  proxy.resume();
  expect((await underWay).count).toBe(1);
  await write();
  keepAlive.send(lease);
  await eventually(() => renewed === 2 && written === 2);
  expect(proxy.accepted).toBe(4);
  // three of the two streams and the new writes; that of the old calls is closed
  await eventually(() => proxy.connections === 3);
  watch.close();
  await eventually(() => proxy.connections === 2);
  await member.leaseRevoke(lease, call);
  expect(proxy.accepted).toBe(5);
  keepAlive.close();
  await eventually(() => proxy.connections === 2);
  member.close();
  await eventually(() => proxy.connections === 0);
});
