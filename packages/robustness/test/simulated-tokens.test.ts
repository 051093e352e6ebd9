import { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import { expect, test } from "vitest";
import { Holdings, type Share } from "../src/simulator/checks/holdings.js";
import { Operator } from "../src/simulator/checks/operator.js";
import { Violations } from "../src/simulator/checks/violations.js";
import { Simulation } from "../src/simulator/simulation.js";

type Planted = [key: string, token: bigint, share?: Share];

/** What the simulator's checks say of tokens told one after the other. */
async function told(...all: Planted[]): Promise<string[]> {
  const world = new Simulation({ seed: 1, members: 1 });
  const client = world.addClient();
  const violations = new Violations(world.history);
  const holdings = new Holdings(world, new Operator(), violations);
  const lease = leaseOf(await world.until(Session.open(client.connection)));
  for (const [key, fencingToken, share = "alone"] of all) {
    const { signal } = new AbortController();
    const holding = { name: "lock", key, fencingToken, held: true, signal };
    holdings.add(client, lease, holding, share)();
  }
  // that none of these keys stands in etcd is another matter
  return violations.all.filter((what) => what.startsWith("token "));
}

test("tokens that grow, and one key held again, are as they should be", async () => {
  expect(await told(["lock/a", 2n], ["lock/a", 2n], ["lock/b", 3n])).toEqual([]);
  // a write lock that became a read lock keeps its key
  expect(await told(["lock/w", 2n], ["lock/w", 2n, "shared"])).toEqual([]);
  // readers do not exclude each other
  expect(await told(["lock/r", 3n, "shared"], ["lock/s", 2n, "shared"])).toEqual([]);
});

test("a token that does not grow is found, also where it is the same", async () => {
  const lesser = ["token 2 of lock/b after 3 of lock/a"];
  expect(await told(["lock/a", 3n], ["lock/b", 2n])).toEqual(lesser);
  const same = ["token 3 of lock/b after 3 of lock/a"];
  expect(await told(["lock/a", 3n], ["lock/b", 3n])).toEqual(same);
  expect(await told(["lock/a", 3n], ["lock/b", 3n, "shared"])).toEqual(same);
  expect(await told(["lock/a", 3n, "shared"], ["lock/b", 3n])).toEqual(same);
});
