import { Mutex } from "@etcdkit/mutex";
import { Session } from "@etcdkit/session";
import { expect, test } from "vitest";
import { Simulation } from "../src/simulator/simulation.js";

test("a key that a late attempt makes anew, after an operator deleted the one it was for, stands in nobody's way for long", async () => {
  const ttl = 60;
  const world = new Simulation({ seed: 1, members: 3 });
  const [late, other] = [world.addClient(), world.addClient()];
  const open = (client: typeof late) => world.until(Session.open(client.connection, { ttl }));
  const [session, others] = [await open(late), await open(other)];

  // the first attempt hangs at a member that stands still, the second is answered by another
  const { member } = late;
  member.freeze();
  const lock = await world.until(new Mutex(session, "m").lock());
  // it follows its line by then
  await world.pass(5_000);
  const { etcd } = world.cluster;
  const byHand = [{ deleteRange: { key: Buffer.from(lock.key) } }];
  etcd.txn({ compare: [], success: byHand, failure: [] });
  await world.pass(5_000);
  expect(lock.held).toBe(false);
  expect(session.state).toBe("connected");
  member.thaw();
  await world.pass(1_000);
  expect(etcd.store.keys).toEqual([lock.key]);

  let locked = false;
  void new Mutex(others, "m").lock().then(() => {
    locked = true;
  });
  await world.pass(2 * ttl * 1_000);
  expect(locked).toBe(true);
});
