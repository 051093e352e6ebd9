import { Mutex } from "@etcdkit/mutex";
import { Session } from "@etcdkit/session";
import { expect, test } from "vitest";
import { FAIR } from "../src/simulator/cluster/link.js";
import { Simulation } from "../src/simulator/simulation.js";

/** What was asked for is done, and nobody hears of it. */
const DEAF = { ...FAIR, lostReplies: 1 };

test("a deletion after a lock whose enrolment had no answer, arriving late, leaves the next lock alone", async () => {
  const world = new Simulation({ seed: 1, members: 3 });
  const client = world.addClient();
  const session = await world.until(Session.open(client.connection, { ttl: 60 }));
  const mutex = new Mutex(session, "m");

  const cancel = new AbortController();
  for (const link of client.links) link.weather = DEAF;
  const first = mutex.lock({ signal: cancel.signal });
  first.catch(() => undefined);
  await world.pass(500);
  for (const link of client.links) link.weather = FAIR;
  for (const member of world.cluster.members) member.freeze();
  cancel.abort(new Error("given up"));
  await expect(world.until(first)).rejects.toThrow("given up");
  // the last attempt to enrol is over by now, and the deletion has been sent
  await world.pass(1_500);
  const late = client.member;
  for (const member of world.cluster.members) if (member !== late) member.thaw();
  await world.pass(10_000);
  expect(world.cluster.etcd.store.keys).toEqual([]);
  const lock = await world.until(mutex.lock());
  expect(lock.key).toBe(`m/${session.leaseId.toString(16)}`);
  late?.thaw();
  await world.pass(1_000);
  expect(lock.held).toBe(true);
  expect(world.cluster.etcd.store.get(lock.key)?.createRevision).toBe(lock.fencingToken);
});
