import { startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
import { underPrefix } from "../src/keys.js";
import { Lease } from "../src/lease.js";

const user = { name: "worker", password: "secret", prefix: "inside/" };

async function asUser() {
  const server = await startEtcd({ auth: { users: [user] } });
  onTestFinished(() => server.stop());
  const auth = { username: user.name, password: user.password };
  const connection = openConnection({ hosts: server.endpoints, auth }, new SystemClock());
  onTestFinished(() => connection.close());
  return { server, connection };
}

// etcd 3.5.30 renews no lease with a key that the user may not write, and ends the whole stream over it. Older ones, 3.5.16 say, do
// not look: there nothing is refused.
it("a lease that etcd does not renew any more takes no other one of its connection along", async () => {
  const { server, connection } = await asUser();
  const refused = await Lease.grant(connection, { ttl: 3 });
  const other = await Lease.grant(connection, { ttl: 3 });
  const put = { key: Buffer.from("inside/a"), value: Buffer.alloc(0), lease: refused.id };
  const txn = { compare: [], success: [{ put }], failure: [] };
  await refused.txn(txn, { what: "test" });
  const lost = new Promise<unknown>((resolve) =>
    refused.signal.addEventListener("abort", () => resolve(refused.signal.reason)),
  );
  const { key, rangeEnd } = underPrefix(user.prefix);
  await server.client().auth.roleRevokePermission({ role: user.name, key, range_end: rangeEnd });
  const revokedAt = connection.clock.now();
  // renewed by what was sent when its TTL had passed twice
  const renewed = () => other.deadline.at > revokedAt + 3 * other.ttlMs;
  await eventually(() => !other.alive || renewed(), { withinMs: 15_000 });
  expect(other.alive).toBe(true);
  expect(other.state).toBe("connected");
  if (!refused.alive) expect(await lost).toMatchObject({ cause: { kind: "permission" } });
}, 30_000);

// older ones do not look at the token of a renewal either
it("a lease that runs out since its user has another password by now says so", async () => {
  const { server, connection } = await asUser();
  const lease = await Lease.grant(connection, { ttl: 2 });
  await server.client().auth.userChangePassword({ name: user.name, password: "another" });
  const changedAt = connection.clock.now();
  const renewed = () => lease.deadline.at > changedAt + 2 * lease.ttlMs;
  await eventually(() => !lease.alive || renewed(), { withinMs: 10_000 });
  if (lease.alive) return;
  expect(lease.lossReason).toMatchObject({ cause: { kind: "credentials" } });
}, 30_000);
