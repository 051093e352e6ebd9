import { startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
import { Lease } from "../src/lease.js";

it("whether a lease is still there is known, or left open, in half a second, however many calls wait", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  const connection = openConnection({ hosts: proxy.endpoint }, new SystemClock());
  onTestFinished(async () => {
    proxy.resume();
    await connection.close();
    await proxy.close();
  });
  const lease = await Lease.grant(connection, { ttl: 30 });
  proxy.stall();
  let answered = 0;
  const key = Buffer.from("absent");
  for (let n = 0; n < 40; n++) {
    const read = connection.members.current.range({ key }, { deadlineMs: 20_000 });
    read.catch(() => undefined).finally(() => answered++);
  }
  let confirmed = false;
  void lease.confirm().then(() => {
    confirmed = true;
  });
  await eventually(() => confirmed, { withinMs: 2_000 });
  expect(answered).toBe(0);
  expect(lease.state).toBe("connected");
});
