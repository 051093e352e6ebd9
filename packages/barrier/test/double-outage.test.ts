import { startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { compact } from "./compact.js";
import { openMember } from "./gather.js";
import { outcomeOf } from "./outcome.js";
import { watchStreams } from "./watch-streams.js";

test("etcd killed and back, compacted, while one enters and while it leaves: it waits for the other one all the same", async () => {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const where = { hosts: server.endpoints, ttl: 20 };
  const [one, two] = [await openMember("double", 2, where), await openMember("double", 2, where)];
  const members = () => server.client().getAll().prefix("double/waiters/").count();
  const watches = async () => {
    const metrics = await server.get("/metrics");
    return Number(/^etcd_debugging_mvcc_watcher_total (\S+)/m.exec(metrics)?.[1]);
  };
  const outage = async (following: number) => {
    const streams = watchStreams(one.session.connection);
    await server.kill();
    await eventually(() => streams.opened > 1, { what: "streams to nowhere" });
    await server.restart();
    await compact(server.client());
    await eventually(async () => (await watches()) === following, { withinMs: 10_000 });
  };
  const entering = outcomeOf(one.double.enter());
  await eventually(async () => (await members()) === 1);
  await outage(1);
  expect(entering.now).toBe("pending");
  await two.double.enter();
  expect(await entering.settled).toBe("done");
  const leaving = outcomeOf(one.double.leave());
  await outage(2);
  expect(leaving.now).toBe("pending");
  await two.double.leave();
  expect(await leaving.settled).toBe("done");
  expect(await server.client().getAll().prefix("double").keys()).toEqual([]);
});
