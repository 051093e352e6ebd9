import { ManualClock } from "@etcdkit/testing";
import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { type Etcd, EtcdFailure } from "../src/etcd.js";
import { Lease } from "../src/lease.js";

const TTL = 6;
const TTL_MS = TTL * 1_000;
const MARGIN_MS = 500;

let clock: ManualClock;
let connection: EtcdConnection;
let member: Etcd;

beforeEach(() => {
  clock = new ManualClock(100_000);
  connection = openConnection({ hosts: sharedEtcd().endpoints }, clock);
  member = connection.members.current;
  onTestFinished(() => connection.close());
});

/** Each attempt is answered so, and those after as etcd does. */
function answers(...attempts: ((etcd: Etcd["leaseGrant"]) => Etcd["leaseGrant"])[]): void {
  const own = member.leaseGrant.bind(member);
  member.leaseGrant = (...args) => (attempts.shift()?.(own) ?? own)(...args);
}

const unavailable = () => new EtcdFailure("unavailable", "no answer, says the test");

async function granted(): Promise<Lease> {
  let lease: Lease | undefined;
  void Lease.grant(connection, { ttl: TTL, marginMs: MARGIN_MS }).then((given) => {
    lease = given;
  });
  await eventually(() => {
    // the pauses between attempts
    clock.advance(10);
    return lease !== undefined;
  });
  if (!lease) throw new Error("not granted");
  return lease;
}

it("a lease that the second attempt made counts from that, however late it was", async () => {
  const sentAt = clock.now();
  answers(() => async () => {
    clock.jump(TTL_MS);
    throw unavailable();
  });
  const lease = await granted();
  expect(lease.state).toBe("connected");
  expect(lease.deadline.at).toBeGreaterThan(sentAt + 2 * TTL_MS - MARGIN_MS);
});

it("a lease that an attempt without an answer made counts from the first one", async () => {
  const sentAt = clock.now();
  answers((own) => async (...args) => {
    await own(...args);
    clock.jump(2_000);
    throw unavailable();
  });
  const lease = await granted();
  expect(lease.deadline.at).toBe(sentAt + TTL_MS - MARGIN_MS);
});

it("a lease that an attempt without an answer made, and that has expired since, is asked for again", async () => {
  answers(
    () => async () => {
      clock.jump(TTL_MS);
      throw unavailable();
    },
    () => async () => {
      throw new EtcdFailure("lease-exists", "lease already exists");
    },
  );
  const lease = await granted();
  expect(lease.ttl).toBe(TTL);
  expect(lease.state).toBe("connected");
});
