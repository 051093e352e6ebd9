import { Barrier } from "@etcdkit/barrier";
import { type EtcdServer, eventually, startEtcd } from "@etcdkit/testing";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { compact } from "./compact.js";
import { lagging } from "./lagging.js";
import { openConnection, openSession } from "./open.js";
import { all, outcomeOf } from "./outcome.js";
import { waitingAt } from "./waiting-at.js";
import { watchStreams } from "./watch-streams.js";

async function ownServer(): Promise<EtcdServer> {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  return server;
}

/** By etcd's own count. */
async function watches(server: EtcdServer): Promise<number> {
  const metrics = await server.get("/metrics");
  return Number(/^etcd_debugging_mvcc_watcher_total (\S+)/m.exec(metrics)?.[1]);
}

test("a thousand waiters share one watch and few reads, and all are released", async () => {
  const server = await ownServer();
  const where = { hosts: server.endpoints };
  const barrier = new Barrier(openConnection(where), "barrier");
  await barrier.hold();
  const etcd = openConnection(where);
  const ranges = async () =>
    Number(/^etcd_debugging_mvcc_range_total (\S+)/m.exec(await server.get("/metrics"))?.[1]);
  const before = await ranges();
  const waiting = Array.from({ length: 1_000 }, () =>
    outcomeOf(new Barrier(etcd, "barrier").wait()),
  );
  await waitingAt(etcd, "barrier", 1_000);
  expect(await watches(server)).toBe(1);
  expect((await ranges()) - before).toBeLessThan(20);
  expect(new Set(all(waiting))).toEqual(new Set(["pending"]));
  const since = performance.now();
  await barrier.release();
  await Promise.all(waiting.map(({ settled }) => settled));
  expect(performance.now() - since).toBeLessThan(1_000);
  expect(new Set(all(waiting))).toEqual(new Set(["done"]));
  await eventually(async () => (await watches(server)) === 0);
});

test("each waiter can be cancelled, and the last one takes the watch along", async () => {
  const server = await ownServer();
  const where = { hosts: server.endpoints };
  const barrier = new Barrier(openConnection(where), "barrier");
  await barrier.hold();
  const etcd = openConnection(where);
  const [one, other] = [new AbortController(), new AbortController()];
  const waiting = [one, other].map(({ signal }) =>
    outcomeOf(new Barrier(etcd, "barrier").wait({ signal })),
  );
  await waitingAt(etcd, "barrier", 2);
  const reason = new Error("enough");
  one.abort(reason);
  expect(await waiting[0]?.settled).toBe(reason);
  expect(waiting[1]?.now).toBe("pending");
  expect(await watches(server)).toBe(1);
  // cancelled while it reads, too
  const reading = outcomeOf(new Barrier(etcd, "other").wait({ signal: AbortSignal.timeout(0) }));
  other.abort(reason);
  expect(await waiting[1]?.settled).toBe(reason);
  expect(await reading.settled).toSatisfy((error) => error === "done" || error.name);
  await eventually(async () => (await watches(server)) === 0);
});

test("etcd killed and back: those who wait still wait, and are released when it is time", async () => {
  const server = await ownServer();
  const where = { hosts: server.endpoints };
  const session = await openSession({ ...where, ttl: 20 });
  const unleased = new Barrier(session.connection, "unleased");
  const leased = new Barrier(session.connection, "leased");
  await unleased.hold();
  await leased.hold({ session, onHolderLost: "fail" });
  const etcd = openConnection(where);
  const waiting = ["unleased", "leased"].map((name) => outcomeOf(new Barrier(etcd, name).wait()));
  await Promise.all(["unleased", "leased"].map((name) => waitingAt(etcd, name, 1)));
  const streams = watchStreams(etcd);
  await server.kill();
  // begun while there is no etcd, it waits for that too
  waiting.push(outcomeOf(new Barrier(openConnection(where), "unleased").wait()));
  await eventually(() => streams.opened > 1, { what: "streams to nowhere" });
  expect(all(waiting)).toEqual(["pending", "pending", "pending"]);
  await server.restart();
  await compact(server.client());
  await eventually(async () => (await watches(server)) === 3, { withinMs: 10_000 });
  expect(all(waiting)).toEqual(["pending", "pending", "pending"]);
  await Promise.all([unleased.release(), leased.release()]);
  await Promise.all(waiting.map(({ settled }) => settled));
  expect(all(waiting)).toEqual(["done", "done", "done"]);
});

test("a hold that began before the wait counts, though the watch still tells of the one before", async () => {
  const name = `${testPrefix()}barrier`;
  const etcd = openConnection();
  const lag = lagging(etcd);
  const [first, second] = [
    new Barrier(openConnection(), name),
    new Barrier(openConnection(), name),
  ];
  await first.hold();
  const early = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 1);
  await first.release();
  await second.hold();
  const late = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 2);
  expect(all([early, late])).toEqual(["pending", "pending"]);
  await eventually(() => lag.held > 0);
  lag.tell();
  expect(await early.settled).toBe("done");
  await waitingAt(etcd, name, 1);
  expect(late.now).toBe("pending");
  await second.release();
  expect(await late.settled).toBe("done");
});
