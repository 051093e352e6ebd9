import { ManualClock, startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { openConnection } from "../src/connection.js";
import { Lease } from "../src/lease.js";
import type { Policy } from "../src/line.js";
import { enter } from "../src/place.js";

const firstHolds: Policy = {
  kind: "test moment",
  *holders(order) {
    for (const first of order) {
      yield first;
      return;
    }
  },
  belongs: () => true,
};

it("a holder who is letting go does not begin to follow its line, however long that takes", async () => {
  const clock = new ManualClock();
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  const connection = openConnection({ hosts: proxy.endpoint }, clock);
  onTestFinished(async () => {
    await connection.close();
    await proxy.close();
  });
  const lease = await Lease.grant(connection, { ttl: 3_600 });
  const line = connection.lines.get(`${testPrefix()}line`, firstHolds);
  const key = `${line.prefix}key`;
  const place = await enter({ lease, line, key, value: Buffer.alloc(0) });
  proxy.stall();
  const released = place.release();
  clock.advance(1_000);
  expect(line.followed).toBe(false);
  proxy.resume();
  await released;
  await eventually(() => !lease.usesKey(key));
});
