import { connect } from "@etcdkit/mutex";
import { eventually, startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { sweep } from "../sweep.js";

test("nothing is left of a prefix, of leases with less than a second left neither", async () => {
  await using server = await startEtcd({ own: true });
  const client = server.client();
  const [short, long] = [7, 8];
  await client.leaseClient.leaseGrant({ ID: short, TTL: 2 });
  await client.leaseClient.leaseGrant({ ID: long, TTL: 60 });
  await client.put("demo/unleased").value("");
  await client.put("demo/short").value("").lease(`${short}`);
  await client.put("demo/long").value("").lease(`${long}`);
  await client.put("demolition").value("");
  const secondsLeft = async () =>
    Number((await client.leaseClient.leaseTimeToLive({ ID: short })).TTL);
  // etcd counts whole seconds
  await eventually(async () => (await secondsLeft()) === 0, { what: "the last second of a lease" });

  await using etcd = connect({ hosts: server.endpoints });
  await sweep(etcd, "demo/");
  expect((await client.leaseClient.leaseLeases()).leases).toEqual([]);
  expect(await client.getAll().keys()).toEqual(["demolition"]);
});
