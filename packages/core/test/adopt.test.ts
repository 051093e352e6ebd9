import { ManualClock, startEtcd } from "@etcdkit/testing";
import { eventually, sharedEtcd, testClient } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { type Clock, SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { Deadline } from "../src/deadline.js";
import { SessionExpiredError } from "../src/errors.js";
import { KeepAlive, type Renewable } from "../src/keepalive.js";
import { Lease } from "../src/lease.js";

function open(hosts = sharedEtcd().endpoints, clock: Clock = new SystemClock()): EtcdConnection {
  const connection = openConnection({ hosts }, clock);
  onTestFinished(() => connection.close());
  return connection;
}

/** A lease that nobody renews. */
async function orphan(hosts = sharedEtcd().endpoints, ttl = 60): Promise<bigint> {
  const lease = await Lease.grant(open(hosts), { ttl });
  lease.orphan();
  return lease.id;
}

it("of two adoptions of one lease at once, one is refused, and the other hears what becomes of it", async () => {
  const id = await orphan();
  const clock = new ManualClock();
  const connection = open(sharedEtcd().endpoints, clock);
  const outcomes = await Promise.allSettled([
    Lease.adopt(connection, id, {}),
    Lease.adopt(connection, id, {}),
  ]);
  const [adopted] = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const [refusal] = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  expect(refusal).toMatchObject({ code: "LEASE_IN_USE" });
  expect(connection.leases.size).toBe(1);
  await testClient().leaseClient.leaseRevoke({ ID: String(id) });
  // the first renewal, and those after it
  await eventually(() => {
    clock.advance(1_000);
    return adopted?.signal.aborted;
  });
  expect(adopted?.signal.reason).toBeInstanceOf(SessionExpiredError);
});

it("a lease that has more than its TTL left, from a new leader, counts for no more than a renewal leaves it", async () => {
  // a leader gives each lease an election's time besides, and the next renewal takes it back
  const args = ["--election-timeout=5000", "--heartbeat-interval=500"];
  const server = await startEtcd({ own: true, args });
  onTestFinished(() => server.stop());
  const id = await orphan(server.endpoints, 10);
  await server.kill();
  await server.restart();
  const left = await server.client().leaseClient.leaseTimeToLive({ ID: String(id) });
  expect(Number(left.TTL)).toBeGreaterThan(10);
  const adopted = await Lease.adopt(open(server.endpoints), id, {});
  expect(adopted.deadline.remainingMs).toBeLessThanOrEqual(9_000);
});

it("what is no longer renewed takes nothing with it that is renewed under the same id", () => {
  const clock = new ManualClock();
  const connection = open(["127.0.0.1:1"], clock);
  const keepAlive = new KeepAlive(connection.members, clock);
  const renewable = (): Renewable => ({
    id: 1n,
    ttlMs: 60_000,
    deadline: new Deadline(clock, clock.now(), 60_000, 6_000),
    suspended: () => undefined,
    expired: () => undefined,
    gone: () => undefined,
  });
  const [former, present] = [renewable(), renewable()];
  keepAlive.add(former, 20_000);
  keepAlive.add(present, 20_000);
  keepAlive.remove(former);
  expect(keepAlive.has(1n)).toBe(true);
  expect(clock.pending).toBe(1);
  keepAlive.remove(present);
  expect(clock.pending).toBe(0);
});
