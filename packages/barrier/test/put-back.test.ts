import { Barrier, type Connection, DoubleBarrier, Session } from "@etcdkit/barrier";
import { backUp, putBack, startWithHistory, writeHistory } from "@etcdkit/test-support/put-back";
import { eventually } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { openConnection } from "./open.js";
import { all, outcomeOf } from "./outcome.js";
import { waitingAt } from "./waiting-at.js";

// etcd is put back to an earlier state: its revisions begin anew, or go on from those of a backup.

const NAME = "barrier";
const lost = expect.objectContaining({ code: "HOLDER_LOST" });

test("emptied, and held anew: who comes then waits, and who had waited hears that its hold is gone", async () => {
  const server = await startWithHistory();
  const where = { hosts: server.endpoints };
  const etcd = openConnection(where);
  const session = await Session.open(openConnection(where), { ttl: 20 });
  await writeHistory(server);
  await new Barrier(session.connection, NAME).hold();
  await new Barrier(session.connection, "leased").hold({ session, onHolderLost: "fail" });
  const before = [NAME, "leased"].map((name) => outcomeOf(new Barrier(etcd, name).wait()));
  await Promise.all([NAME, "leased"].map((name) => waitingAt(etcd, name, 1)));
  await putBack(server);
  const holder = new Barrier(openConnection(where), NAME);
  await holder.hold();
  await new Barrier(openConnection(where), "leased").hold();
  const after = [NAME, "leased"].map((name) => outcomeOf(new Barrier(etcd, name).wait()));
  expect(await before[0]?.settled).toBe("done");
  expect(await before[1]?.settled).toEqual(lost);
  await Promise.all([NAME, "leased"].map((name) => waitingAt(etcd, name, 1)));
  expect(all(after)).toEqual(["pending", "pending"]);
  await holder.release();
  expect(await after[0]?.settled).toBe("done");
  expect(after[1]?.now).toBe("pending");
});

test("put back to when it was held already: who had waited and who comes then wait for its release", async () => {
  const server = await startWithHistory();
  const where = { hosts: server.endpoints };
  const holder = new Barrier(openConnection(where), NAME);
  await holder.hold();
  const backup = await backUp(server);
  await writeHistory(server);
  const etcd = openConnection(where);
  const waiting = [outcomeOf(new Barrier(etcd, NAME).wait())];
  await waitingAt(etcd, NAME, 1);
  await putBack(server, backup);
  waiting.push(outcomeOf(new Barrier(etcd, NAME).wait()));
  await waitingAt(etcd, NAME, 2);
  expect(all(waiting)).toEqual(["pending", "pending"]);
  await holder.release();
  await Promise.all(waiting.map(({ settled }) => settled));
  expect(all(waiting)).toEqual(["done", "done"]);
});

test("emptied, and nobody else comes: all who had waited hear that their hold is gone", async () => {
  const server = await startWithHistory();
  const where = { hosts: server.endpoints };
  const etcd = openConnection(where);
  await writeHistory(server);
  await new Barrier(openConnection(where), NAME).hold();
  const waiting = [outcomeOf(new Barrier(etcd, NAME).wait())];
  await waitingAt(etcd, NAME, 1);
  await writeHistory(server);
  waiting.push(outcomeOf(new Barrier(etcd, NAME).wait()));
  await waitingAt(etcd, NAME, 2);
  await putBack(server);
  await Promise.all(waiting.map(({ settled }) => settled));
  expect(all(waiting)).toEqual(["done", "done"]);
});

test("emptied: whoever is in a double barrier is told, and one who comes then waits for another", async () => {
  const server = await startWithHistory();
  const where = { hosts: server.endpoints };
  const etcd = openConnection(where);
  const member = async (connection: Connection) =>
    new DoubleBarrier(await Session.open(connection, { ttl: 20 }), NAME, { count: 2 });
  const [one, two] = [await member(etcd), await member(etcd)];
  await writeHistory(server);
  await Promise.all([one.enter(), two.enter()]);
  await Promise.all([one.leave(), two.leave()]);
  const before = outcomeOf(one.enter());
  const keys = () => server.client().getAll().prefix(`${NAME}/waiters/`).count();
  await eventually(async () => (await keys()) === 1);
  await putBack(server);
  expect(await before.settled).toMatchObject({ code: "SESSION_EXPIRED" });
  const after = await member(etcd);
  const other = await member(openConnection(where));
  const entering = outcomeOf(after.enter());
  await eventually(async () => (await keys()) === 1);
  expect(entering.now).toBe("pending");
  await other.enter();
  expect(await entering.settled).toBe("done");
});
