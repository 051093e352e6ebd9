import { startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
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
