import { connect, Session } from "@etcdkit/mutex";
import { keepAliveRequest } from "@etcdkit/test-support/keep-alive-request";
import { type Direction, eventually, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";

test("one TCP reset loses none of 100 sessions on its connection", async () => {
  const TTL = 5;
  const [target = ""] = sharedEtcd().endpoints;
  const sent: Buffer[] = [];
  const onData = (bytes: Buffer, direction: Direction) => {
    if (direction === "up") sent.push(bytes);
  };
  await using proxy = await startProxy({ target, onData });
  await using etcd = connect({ hosts: proxy.endpoint });
  const openings = Array.from({ length: 100 }, () => Session.open(etcd, { ttl: TTL }));
  const sessions = await Promise.all(openings);
  const renewed = ({ leaseId }: Session) => {
    const request = keepAliveRequest(leaseId);
    return sent.some((bytes) => bytes.includes(request));
  };
  await eventually(() => sessions.every(renewed), { what: "a renewal of each" });
  const connectionsBefore = proxy.accepted;

  proxy.reset();
  const resetAt = performance.now();
  // a lease that is not renewed again is gone by then, and its session told so
  const afterMs = (TTL + 1.5) * 1_000;
  const lost = () => sessions.filter(({ signal }) => signal.aborted).length;
  await eventually(() => lost() > 0 || performance.now() > resetAt + afterMs, {
    withinMs: afterMs + 1_000,
  });
  expect(lost()).toBe(0);
  expect(proxy.accepted).toBeGreaterThan(connectionsBefore);
  expect(new Set(sessions.map(({ state }) => state))).toEqual(new Set(["connected"]));

  // nor does etcd think otherwise
  const { leases } = await testClient().leaseClient.leaseLeases();
  const alive = new Set(leases.map(({ ID }) => BigInt(ID)));
  expect(sessions.filter(({ leaseId }) => !alive.has(leaseId))).toEqual([]);
});
