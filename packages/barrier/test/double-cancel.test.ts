import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { eventually, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { formerMember, membersOf, openMember, present, settled } from "./gather.js";
import { creates, deletes, puts, withholdTxn } from "./late.js";
import { outcomeOf } from "./outcome.js";

// Cancelled in each state, a member rejects at once with the signal's reason, and its key goes though its session lives on.

const reason = new Error("enough");

const nothingLeft = (name: string) =>
  eventually(async () => (await membersOf(name)).length === 0, { what: "no key" });

test.for([
  ["in the same tick", 0],
  ["a turn later", 1],
  ["some turns later", 4],
] as const)("entering, %s", async ([, turns]) => {
  const name = `${testPrefix()}double`;
  const { double, session } = await openMember(name, 2);
  const abort = new AbortController();
  const entering = outcomeOf(double.enter({ signal: abort.signal }));
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  abort.abort(reason);
  expect(await entering.settled).toBe(reason);
  await nothingLeft(name);
  expect(session.state).toBe("connected");
});

test.for(["reset", "cut", "mute"] as const)(
  "entering, as its answer is lost by a %s",
  async (how) => {
    const name = `${testPrefix()}double`;
    const [target = ""] = sharedEtcd().endpoints;
    const proxy = await startProxy({ target });
    onTestFinished(() => proxy.close());
    const { double } = await openMember(name, 2, { hosts: [proxy.endpoint], ttl: 20 });
    const broken = proxy.breakAfter({ match: (chunk) => chunk.includes("waiters/"), how });
    const abort = new AbortController();
    const entering = outcomeOf(double.enter({ signal: abort.signal }));
    await broken;
    abort.abort(reason);
    expect(await entering.settled).toBe(reason);
    if (how === "cut") await proxy.restore();
    if (how === "mute") proxy.reset();
    await nothingLeft(name);
  },
);

test("entering, with an attempt that arrives after the deletion: undone within a TTL", async () => {
  const name = `${testPrefix()}double`;
  const { double, session } = await openMember(name, 2, { ttl: 2 });
  const late = withholdTxn(session.connection, creates);
  const abort = new AbortController();
  const entering = outcomeOf(double.enter({ signal: abort.signal }));
  await present(name, 1);
  abort.abort(reason);
  expect(await entering.settled).toBe(reason);
  await nothingLeft(name);
  expect((await late.arrive()).succeeded).toBe(true);
  await nothingLeft(name);
});

test("entering, its session orphaned before its key is deleted", async () => {
  const name = `${testPrefix()}double`;
  const { double, session } = await openMember(name, 2, { ttl: 20 });
  const late = withholdTxn(session.connection, deletes);
  const abort = new AbortController();
  const entering = outcomeOf(double.enter({ signal: abort.signal }));
  await present(name, 1);
  abort.abort(reason);
  session.orphan();
  expect(await entering.settled).toBe(reason);
  await nothingLeft(name);
  expect(late.withheld).toBe(true);
});

test("entering, by the key of a former life, before it is known who was there when that was made", async () => {
  const name = `${testPrefix()}double`;
  const { double, session } = await openMember(name, 2, { leaseId: await formerMember(name, 2) });
  const { current: member } = internals(session.connection).members;
  const range = member.range.bind(member);
  let asked = false;
  member.range = (request, call) => {
    if (!request.revision) return range(request, call);
    asked = true;
    throw new EtcdFailure("unavailable", "not answered by the test");
  };
  const abort = new AbortController();
  const entering = outcomeOf(double.enter({ signal: abort.signal }));
  await eventually(() => asked);
  abort.abort(reason);
  expect(await entering.settled).toBe(reason);
  await nothingLeft(name);
  expect(session.state).toBe("connected");
});

test("entering, while it waits: the others wait on for another one", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => openMember(name, 2)));
  const abort = new AbortController();
  const cancelled = outcomeOf(one?.double.enter({ signal: abort.signal }) as Promise<void>);
  await present(name, 1);
  abort.abort(reason);
  expect(await cancelled.settled).toBe(reason);
  await nothingLeft(name);
  const entering = outcomeOf(two?.double.enter() as Promise<void>);
  await present(name, 1);
  expect(entering.now).toBe("pending");
  await three?.double.enter();
  expect(await entering.settled).toBe("done");
});

test.for([
  ["who puts ready", 2],
  ["another one", 1],
] as const)("entering, while ready is on the way, by %s: it lets nobody in", async ([, which]) => {
  const name = `${testPrefix()}double`;
  const members = await Promise.all([1, 2, 3].map(() => openMember(name, 3)));
  const ready = puts(`${name}/ready`);
  const late = members.map(({ session }) =>
    withholdTxn(session.connection, ready, "and all after it"),
  );
  const abort = new AbortController();
  const entering = [];
  for (const [n, { double }] of members.entries()) {
    entering.push(outcomeOf(double.enter(n === which ? { signal: abort.signal } : {})));
    await present(name, n + 1);
  }
  // the last one's: it is first to try
  await eventually(() => late[2]?.withheld);
  abort.abort(reason);
  expect(await entering[which]?.settled).toBe(reason);
  await present(name, 2);
  expect((await late[2]?.arrive())?.succeeded).toBe(false);
  expect(await testClient().get(`${name}/ready`).string()).toBeNull();
  // the next to come completes the round
  await (await openMember(name, 3)).double.enter();
  const others = entering.filter((_, n) => n !== which);
  expect(await settled(others)).toEqual(["done", "done"]);
});

test.for([["the eldest"], ["another"]] as const)("leaving, as %s", async ([who]) => {
  const name = `${testPrefix()}double`;
  const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  await two.double.enter();
  await entering.settled;
  const [cancels, stays] = who === "the eldest" ? [one, two] : [two, one];
  const abort = new AbortController();
  const leaving = outcomeOf(cancels.double.leave({ signal: abort.signal }));
  if (who === "another") await present(name, 1);
  expect(leaving.now).toBe("pending");
  abort.abort(reason);
  expect(await leaving.settled).toBe(reason);
  await present(name, 1);
  await stays.double.leave();
  await nothingLeft(name);
  // out is out: it may enter again
  const again = [cancels, stays].map(({ double }) => double.enter());
  await Promise.all(again);
});

test("leaving, with a signal that has aborted: its key goes all the same", async () => {
  const name = `${testPrefix()}double`;
  const { double } = await openMember(name, 1);
  await double.enter();
  await expect(double.leave({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await nothingLeft(name);
  await testClient().delete().key(`${name}/ready`);
});
