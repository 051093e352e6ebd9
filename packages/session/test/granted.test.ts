import { startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { connect, Session } from "../src/index.js";

test("the TTL is what etcd granted, which may be more than was asked for, and the deadline follows it", async () => {
  // grants no less than one and a half elections
  const args = ["--election-timeout=5000", "--heartbeat-interval=500"];
  await using server = await startEtcd({ args });
  await using etcd = connect({ hosts: server.endpoints });
  const before = performance.now();
  const session = await Session.open(etcd, { ttl: 2 });
  expect(session.ttl).toBe(8);
  // less a tenth
  const { remainingMs } = session;
  expect(remainingMs).toBeLessThanOrEqual(7_200);
  expect(remainingMs).toBeGreaterThanOrEqual(7_200 - (performance.now() - before) - 1);
});
