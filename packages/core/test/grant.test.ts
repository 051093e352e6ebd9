import { sharedEtcd } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
import { SessionExpiredError } from "../src/errors.js";
import { EtcdFailure } from "../src/etcd.js";
import { Lease } from "../src/lease.js";

it("a lease that an attempt without an answer made, and that has expired since, is no session", async () => {
  const connection = openConnection({ hosts: sharedEtcd().endpoints }, new SystemClock());
  onTestFinished(() => connection.close());
  connection.members.current.leaseGrant = async () => {
    throw new EtcdFailure("lease-exists", "lease already exists");
  };
  await expect(Lease.grant(connection, { ttl: 5 })).rejects.toThrow(SessionExpiredError);
});
