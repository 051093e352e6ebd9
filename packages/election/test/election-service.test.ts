import { Election } from "@etcdkit/election";
import { fromBytes, jsonService, toBytes } from "@etcdkit/test-support/json-service";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// etcd's own election service (v3election), asked in JSON, stands in the same election.

/** By which the service knows who leads. */
interface LeaderKey {
  name: string;
  key: string;
  rev: string;
  lease: string;
}

/** Waits for the leadership by the service. */
async function serviceCampaign(name: string, value: string): Promise<LeaderKey> {
  const { ID } = await testClient().leaseClient.leaseGrant({ TTL: 30 });
  const candidate = { name: toBytes(name), lease: ID, value: toBytes(value) };
  const { leader } = await jsonService<{ leader: LeaderKey }>("election/campaign", candidate);
  return leader;
}

test("the election service leads, we wait and see what it proclaims; it resigns, and we lead", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const theirs = await serviceCampaign(name, "theirs");
  const key = fromBytes(theirs.key);
  const fencingToken = BigInt(theirs.rev);
  expect(await election.leader()).toMatchObject({
    key,
    fencingToken,
    value: Buffer.from("theirs"),
  });
  const waiting = election.campaign("ours");
  await inLine(election, 2);
  await jsonService("election/proclaim", { leader: theirs, value: toBytes("theirs again") });
  expect(await election.leader()).toMatchObject({ key, value: Buffer.from("theirs again") });
  await jsonService("election/resign", { leader: theirs });
  expect((await waiting).fencingToken).toBeGreaterThan(fencingToken);
});

test("we lead, the election service waits and sees us; we resign, and it leads", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("ours");
  let won = false;
  const theirs = serviceCampaign(name, "theirs").finally(() => {
    won = true;
  });
  const [, second] = await inLine(election, 2);
  const { kv } = await jsonService<{ kv: { key: string; value: string } }>("election/leader", {
    name: toBytes(name),
  });
  expect([fromBytes(kv.key), fromBytes(kv.value)]).toEqual([leadership.key, "ours"]);
  expect(won).toBe(false);
  await leadership.resign();
  expect(fromBytes((await theirs).key)).toBe(second?.key);
});
