import { DoubleBarrier } from "@etcdkit/barrier";
import { Session } from "@etcdkit/session";
import { expect, test } from "vitest";
import { Simulation } from "../src/simulator/simulation.js";

test("a key that a late attempt made, and that was let in with others, lets nobody in later", async () => {
  const world = new Simulation({ seed: 1, members: 3 });
  const [late, other] = [world.addClient(), world.addClient()];
  const open = (client: typeof late) => world.until(Session.open(client.connection, { ttl: 60 }));
  const [session, others] = [await open(late), await open(other)];
  const enter = (signal?: AbortSignal) =>
    new DoubleBarrier(session, "b", { count: 2 }).enter(signal ? { signal } : {});

  // the first attempt hangs at a member that stands still; the key of the second is taken away again
  const member = late.member;
  member.freeze();
  const cancel = new AbortController();
  const first = enter(cancel.signal);
  first.catch(() => undefined);
  await world.pass(5_000);
  cancel.abort(new Error("given up"));
  await expect(world.until(first)).rejects.toThrow("given up");
  await world.pass(5_000);
  expect(world.cluster.etcd.store.keys).toEqual([]);
  member.thaw();
  await world.pass(1_000);
  expect(world.cluster.etcd.store.keys).toHaveLength(1);
  await world.until(new DoubleBarrier(others, "b", { count: 2 }).enter());

  let entered = false;
  enter().then(
    () => {
      entered = true;
    },
    () => undefined,
  );
  await world.pass(1_000);
  expect(entered).toBe(false);
});
