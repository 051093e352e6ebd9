import { ManualClock } from "@etcdkit/testing";
import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished, vi } from "vitest";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { SessionExpiredError } from "../src/errors.js";
import { type Etcd, EtcdFailure } from "../src/etcd.js";
import { Lease } from "../src/lease.js";
import { systemRandom } from "../src/random.js";

const clock = new ManualClock();

/** A connection whose member grants leases as `leaseGrant` says, in place of its own way. */
function granting(leaseGrant: (own: Etcd["leaseGrant"]) => Etcd["leaseGrant"]): EtcdConnection {
  const connection = openConnection({ hosts: sharedEtcd().endpoints }, clock);
  onTestFinished(() => connection.close());
  const member = connection.members.current;
  member.leaseGrant = leaseGrant(member.leaseGrant.bind(member));
  return connection;
}

it("a lease that an attempt without an answer made, and that has expired since, is no session", async () => {
  const connection = granting(() => async () => {
    throw new EtcdFailure("lease-exists", "lease already exists");
  });
  await expect(Lease.grant(connection, { ttl: 5 })).rejects.toThrow(SessionExpiredError);
});

it("a lease lives from when the attempt that made it was sent, however long those before it took", async () => {
  let attempts = 0;
  const connection = granting((own) => async (...request) => {
    if (++attempts > 1) return own(...request);
    clock.advance(4_800);
    throw new EtcdFailure("unavailable", "no answer");
  });
  const opening = Lease.grant(connection, { ttl: 5 });
  await eventually(() => clock.pending > 0);
  clock.advance(100);
  const lease = await opening;
  expect(lease.deadline.at).toBe(clock.now() + 4_500);
});

it("a lease whose answer came after its end is no session, and is revoked", async () => {
  let id = 0n;
  const connection = granting((own) => async (...request) => {
    [id] = request;
    const ttl = await own(...request);
    clock.advance(4_800);
    return ttl;
  });
  await expect(Lease.grant(connection, { ttl: 5 })).rejects.toThrow(SessionExpiredError);
  const call = { deadlineMs: 1_000 };
  await eventually(
    async () => {
      const { ttl } = await connection.members.current.leaseTimeToLive(id, call);
      return ttl === -1;
    },
    { withinMs: 3_000 },
  );
});

it("a lease is renewed for the first time after a sixth to a third of its TTL, since those opened together should not be renewed together", async () => {
  const connection = granting((own) => own);
  const add = vi.spyOn(connection.keepAlive, "add");
  for (const fraction of [0, 0.5, 0.99]) {
    Object.assign(connection, { random: { ...systemRandom, fraction: () => fraction } });
    const sentAt = clock.now();
    const lease = await Lease.grant(connection, { ttl: 6 });
    expect(add).toHaveBeenLastCalledWith(lease, sentAt + 1_000 + fraction * 1_000);
  }
});
