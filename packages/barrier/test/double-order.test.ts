import { DoubleBarrier } from "@etcdkit/barrier";
import { startEtcd } from "@etcdkit/testing";
import { eventually, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { formerMember, membersOf, openMember, present, settled } from "./gather.js";
import { puts, withholdTxn } from "./late.js";
import { openSession } from "./open.js";
import { all, outcomeOf } from "./outcome.js";
import { seenBy } from "./seen-by.js";
import { stepIns } from "./step-in.js";

// Who is let in, and who is not yet.

test("eleven at once at a barrier for ten: ten are in, one is refused, and nothing of it is left", async () => {
  const name = `${testPrefix()}double`;
  const sessions = await Promise.all(Array.from({ length: 3 }, () => openSession()));
  const members = Array.from({ length: 11 }, (_, n) => {
    const session = sessions[n % 3] as (typeof sessions)[number];
    return new DoubleBarrier(session, name, { count: 10 });
  });
  const outcomes = await settled(members.map((member) => outcomeOf(member.enter())));
  const refused = outcomes.filter((outcome) => outcome !== "done");
  expect(refused, refused.map(String).join("; ")).toMatchObject([{ code: "TOO_MANY" }]);
  expect(await membersOf(name)).toHaveLength(10);
  const late = members[outcomes.indexOf(refused[0])] as DoubleBarrier;
  await expect(late.enter()).rejects.toMatchObject({ code: "TOO_MANY" });
  const rest = members.filter((member) => member !== late);
  expect(await settled(rest.map((member) => outcomeOf(member.leave())))).toEqual(
    rest.map(() => "done"),
  );
  expect(await testClient().getAll().prefix(name).keys()).toEqual([]);
});

test("a stale ready lets nobody in", async () => {
  const name = `${testPrefix()}double`;
  await testClient().put(`${name}/ready`).value("");
  const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const steps = stepIns(one.session.connection);
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  await seenBy(one.session, name);
  expect(steps.due).toBe(0);
  expect(entering.now).toBe("pending");
  await two.double.enter();
  expect(await entering.settled).toBe("done");
  await Promise.all([one.double.leave(), two.double.leave()]);
  expect(await testClient().getAll().prefix(name).keys()).toEqual([]);
});

test("the last to come stops before it puts ready: the others do, once", async () => {
  const name = `${testPrefix()}double`;
  const members = await Promise.all([1, 2, 3].map(() => openMember(name, 4)));
  const entering = members.map(({ double }) => outcomeOf(double.enter()));
  await present(name, 3);
  // a peer that comes to this point and no further
  await testClient().lease(10).put(`${name}/waiters/1`).value("");
  expect(await settled(entering)).toEqual(["done", "done", "done"]);
  const { kvs } = await testClient().get(`${name}/ready`).exec();
  expect(kvs[0]?.version).toBe("1");
});

test("the last to come goes again before anybody has put ready: nobody is let in", async () => {
  const name = `${testPrefix()}double`;
  const one = await openMember(name, 2);
  const steps = stepIns(one.session.connection);
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  const client = testClient();
  await client.put(`${name}/waiters/1`).value("");
  await eventually(() => steps.due === 1);
  await client.delete().key(`${name}/waiters/1`);
  await seenBy(one.session, name);
  expect(steps.due).toBe(0);
  expect(entering.now).toBe("pending");
});

test("a put of ready that arrives late lets nobody of the next round in", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => openMember(name, 2)));
  if (!one || !two || !three) throw new Error("there are three");
  const late = withholdTxn(two.session.connection, puts(`${name}/ready`));
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  await two.double.enter();
  expect(late.withheld).toBe(true);
  await entering.settled;
  // the eldest goes without a word; the one with the late put stays, and one of the next round waits already
  await one.session.close();
  const next = outcomeOf(three.double.enter());
  await present(name, 2);
  expect((await late.arrive()).succeeded).toBe(false);
  await seenBy(three.session, name);
  expect(next.now).toBe("pending");
});

test("who comes while the round before is still leaving waits for the next", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => openMember(name, 2)));
  if (!one || !two || !three) throw new Error("there are three");
  await Promise.all([one.double.enter(), two.double.enter()]);
  await two.session.close();
  const next = outcomeOf(three.double.enter());
  await present(name, 2);
  await seenBy(three.session, name);
  expect(next.now).toBe("pending");
  // it does not hold up the leaving of those before it
  await one.double.leave();
  expect(next.now).toBe("pending");
  await one.double.enter();
  expect(await next.settled).toBe("done");
});

test("a process started again with the lease of its former life takes its own place", async () => {
  const name = `${testPrefix()}double`;
  const again = await openMember(name, 2, { leaseId: await formerMember(name, 2) });
  const entering = outcomeOf(again.double.enter());
  const other = await openMember(name, 2);
  await other.double.enter();
  expect(await entering.settled).toBe("done");
  expect(await membersOf(name)).toHaveLength(2);
});

test("a process started again for another count has its own place for that", async () => {
  const name = `${testPrefix()}double`;
  const again = await openMember(name, 2, { leaseId: await formerMember(name, 3) });
  const entering = outcomeOf(again.double.enter());
  // who comes sooner is told that it does not agree with the former life
  const [key = ""] = await membersOf(name);
  await expect.poll(() => testClient().get(key).json()).toEqual({ count: 2 });
  const other = await openMember(name, 2);
  await other.double.enter();
  expect(await entering.settled).toBe("done");
  expect(await membersOf(name)).toHaveLength(2);
});

test("a hundred and fifty on one connection share one watch", async () => {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const session = await openSession({ hosts: server.endpoints });
  const open = () => new DoubleBarrier(session, "double", { count: 150 });
  const members = Array.from({ length: 150 }, open);
  const watches = async () => {
    const metrics = await server.get("/metrics");
    return Number(/^etcd_debugging_mvcc_watcher_total (\S+)/m.exec(metrics)?.[1]);
  };
  const entering = members.slice(1).map((member) => outcomeOf(member.enter()));
  const count = async () => await server.client().getAll().prefix("double/waiters/").count();
  await eventually(async () => (await count()) === 149);
  expect(new Set(all(entering))).toEqual(new Set(["pending"]));
  expect(await watches()).toBe(1);
  await members[0]?.enter();
  await settled(entering);
  await Promise.all(members.map((member) => member.leave()));
  expect(await count()).toBe(0);
  // followed a little longer, for the next round
  await eventually(async () => (await watches()) === 0);
});
