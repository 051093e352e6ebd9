import { Election, KeyDeletedError, type Leadership, SessionExpiredError } from "@etcdkit/election";
import { eventually } from "@etcdkit/testing";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { observing } from "./observing.js";
import { openSession } from "./open-session.js";

// A session has one key in an election, however many calls campaign.

const why = new Error("enough");

/** A candidate who waits behind a leader, in its own session. */
async function behindALeader() {
  const name = `${testPrefix()}election`;
  const leadership = await new Election(await openSession(), name).campaign("leader");
  const session = await openSession();
  const election = new Election(session, name);
  const key = `${name}/${session.leaseId.toString(16)}`;
  return { name, leadership, session, election, key };
}

function settled(campaign: Promise<Leadership>): () => unknown {
  let outcome: unknown;
  campaign.then(
    (leadership) => {
      outcome = leadership;
    },
    (error) => {
      outcome = error;
    },
  );
  return () => outcome;
}

test("calls that wait share one key, which says what the last one said, and one leadership", async () => {
  const { name, leadership, session, election } = await behindALeader();
  const calls = [election.campaign("one")];
  await inLine(election, 2);
  calls.push(new Election(session, name).campaign("two"), election.campaign("three"));
  await eventually(async () => `${(await election.contenders())[1]?.value}` === "three");
  expect(await election.contenders()).toHaveLength(2);
  await leadership.resign();
  const [one, two, three] = await Promise.all(calls);
  expect(one).toBe(two);
  expect(two).toBe(three);
  expect(`${one?.value}`).toBe("three");
  expect(`${(await election.leader())?.value}`).toBe("three");
});

test("calls made at once share one key", async () => {
  const { leadership, election } = await behindALeader();
  const calls = ["one", "two", "three"].map((value) => election.campaign(value));
  await inLine(election, 2);
  await leadership.resign();
  expect(new Set(await Promise.all(calls)).size).toBe(1);
  expect((await election.contenders()).map(({ value }) => `${value}`)).toEqual(["three"]);
});

test("calls made at once with one whose value etcd refuses go on without it, and share one key", async () => {
  const { leadership, election } = await behindALeader();
  const huge = Buffer.alloc(2_000_000, "x");
  const refused = [0, 1].map(() => settled(election.campaign(huge)));
  const calls = ["one", "two"].map((value) => election.campaign(value));
  const last = settled(election.campaign(huge));
  await inLine(election, 2);
  await leadership.resign();
  expect(new Set(await Promise.all(calls)).size).toBe(1);
  expect((await election.contenders()).map(({ value }) => `${value}`)).toEqual(["two"]);
  for (const outcome of [...refused, last]) {
    await eventually(outcome);
    expect(outcome()).toMatchObject({ code: "REFUSED" });
  }
});

test("a call that is cancelled takes nothing from the others; the last one takes the key", async () => {
  const { leadership, election, key } = await behindALeader();
  const [first, second] = [new AbortController(), new AbortController()];
  const cancelled = settled(election.campaign("one", { signal: first.signal }));
  const staying = settled(election.campaign("two", { signal: second.signal }));
  const [, waiting] = await inLine(election, 2);
  expect(waiting?.key).toBe(key);
  first.abort(why);
  await eventually(cancelled);
  expect(cancelled()).toBe(why);
  expect((await inLine(election, 2))[1]?.fencingToken).toBe(waiting?.fencingToken);
  expect(staying()).toBeUndefined();
  second.abort(why);
  await inLine(election, 1);
  expect(staying()).toBe(why);
  expect((await election.leader())?.key).toBe(leadership.key);
});

test("a call that is cancelled before its value was written leaves it unsaid", async () => {
  const { leadership, election } = await behindALeader();
  const goesOn = election.campaign("goes on");
  const stop = new AbortController();
  const cancelled = election.campaign("cancelled", { signal: stop.signal });
  stop.abort(why);
  await expect(cancelled).rejects.toBe(why);
  await leadership.resign();
  await goesOn;
  // never written: not even for a moment
  const key = await testClient()
    .get((await goesOn).key)
    .exec();
  expect(key.kvs).toMatchObject([{ value: Buffer.from("goes on"), version: "1" }]);
});

test("whoever campaigns again right after a cancellation gets the same key, at the end of the line", async () => {
  const { leadership, election, key } = await behindALeader();
  for (let round = 0; round < 10; round++) {
    const cancel = new AbortController();
    const cancelled = expect(election.campaign("a", { signal: cancel.signal })).rejects.toBe(why);
    if (round % 2 === 0) await inLine(election, 2);
    cancel.abort(why);
    const again = new AbortController();
    const waiting = settled(election.campaign("b", { signal: again.signal }));
    await cancelled;
    await eventually(async () => `${(await election.contenders())[1]?.value}` === "b");
    expect((await election.contenders()).map((one) => one.key)).toEqual([leadership.key, key]);
    again.abort(why);
    await eventually(waiting);
    await inLine(election, 1);
  }
});

test("whoever campaigns again while the resignation is under way leads anew", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  let before = await election.campaign("0");
  for (let round = 1; round <= 20; round++) {
    const resigning = before.resign();
    const [one, two] = await Promise.all([
      election.campaign(`${round}`),
      election.campaign("same"),
    ]);
    expect(one).toBe(two);
    expect(one.key).toBe(before.key);
    expect(one.fencingToken).toBeGreaterThan(before.fencingToken);
    await resigning;
    before = one;
  }
});

test("a resignation while others of the session proclaim: they campaign anew, and lead", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  let early = 0;
  for (let round = 0; round < 20; round++) {
    const leadership = await election.campaign("one");
    const proclaiming = election.campaign(`two ${round}`);
    for (let turn = 0; turn < round; turn++) await new Promise((next) => setImmediate(next));
    const resigned = leadership.resign();
    const next = await proclaiming;
    // the proclamation may have been done by then
    if (next === leadership) early++;
    else expect(next.held).toBe(true);
    await resigned;
    await next.resign();
    expect(await election.contenders()).toEqual([]);
  }
  expect(early).toBeLessThan(20);
});

test("a campaign that is won, but cancelled before anybody knew, is resigned", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession({ ttl: 30 });
  const election = new Election(session, name);
  for (let turns = 0; turns < 30; turns++) {
    const cancel = new AbortController();
    const outcome = settled(election.campaign("one", { signal: cancel.signal }));
    for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
    cancel.abort(why);
    await eventually(outcome);
    if (outcome() !== why) await (outcome() as Leadership).resign();
    await inLine(election, 0);
  }
});

test("a campaign that finds its key first in line, and is cancelled before its value is written, is resigned", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession({ ttl: 30 });
  const election = new Election(session, name);
  const key = `${name}/${session.leaseId.toString(16)}`;
  let cancelled = 0;
  for (let turns = 0; turns < 30; turns++) {
    await testClient().put(key).value("of a former life").lease(`${session.leaseId}`);
    const cancel = new AbortController();
    const outcome = settled(election.campaign("one", { signal: cancel.signal }));
    for (let turn = 0; turn < turns; turn++) await new Promise((next) => setImmediate(next));
    cancel.abort(why);
    await eventually(outcome);
    if (outcome() === why) cancelled++;
    else await (outcome() as Leadership).resign();
    await inLine(election, 0);
  }
  expect(cancelled).toBeGreaterThan(0);
});

test("a session adopted by its lease finds its leadership, and proclaims what is new", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession({ ttl: 20 });
  const before = await new Election(session, name).campaign("one");
  const { leaseId } = session;
  session.orphan();
  const adopted = new Election(await openSession({ leaseId }), name);
  const { sees, values } = observing(adopted);
  await sees(1);
  const leadership = await adopted.campaign("two");
  expect(leadership.fencingToken).toBe(before.fencingToken);
  expect(leadership.key).toBe(before.key);
  expect(`${(await adopted.leader())?.value}`).toBe("two");
  await sees(2);
  expect(values()).toEqual(["one", "two"]);
});

test("a session adopted by its lease finds its place in line", async () => {
  const { name, leadership, session, election, key } = await behindALeader();
  const waiting = settled(election.campaign("one"));
  const [, before] = await inLine(election, 2);
  const { leaseId } = session;
  session.orphan();
  const adopted = new Election(await openSession({ leaseId }), name);
  const campaign = adopted.campaign("two");
  await eventually(async () => `${(await adopted.contenders())[1]?.value}` === "two");
  const [, now] = await adopted.contenders();
  expect(now).toMatchObject({ key, fencingToken: before?.fencingToken });
  await leadership.resign();
  expect((await campaign).fencingToken).toBe(before?.fencingToken);
  expect(waiting()).toMatchObject({ code: "SESSION_CLOSED" });
});

test("a leader who was deposed campaigns again, and one whose session ended cannot", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const election = new Election(session, name);
  const leadership = await election.campaign("one");
  await testClient().delete().key(leadership.key);
  await eventually(() => leadership.signal.aborted);
  expect(leadership.signal.reason).toBeInstanceOf(KeyDeletedError);
  const again = await election.campaign("one");
  expect(again.held).toBe(true);
  expect(again.fencingToken).toBeGreaterThan(leadership.fencingToken);
  await testClient().leaseClient.leaseRevoke({ ID: `${session.leaseId}` });
  await eventually(() => again.signal.aborted);
  await expect(election.campaign("one")).rejects.toBeInstanceOf(SessionExpiredError);
});
