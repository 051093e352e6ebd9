import type { Txn } from "@etcdkit/core/internal";
import { eventually, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { membersOf, openMember, present, settled } from "./gather.js";
import { lagging } from "./lagging.js";
import { deletes, puts, withholdTxn } from "./late.js";
import { outcomeOf } from "./outcome.js";
import { seenBy } from "./seen-by.js";
import { stepIns } from "./step-in.js";

// What one that is being refused is to the others, while its key is still there.

const three = async (name: string) =>
  await Promise.all([openMember(name, 2), openMember(name, 2), openMember(name, 2)]);

test("another count: the others neither wait for it nor are let in by it, and go without it", async () => {
  const name = `${testPrefix()}double`;
  const [one, two] = await three(name);
  const other = await openMember(name, 5);
  const steps = stepIns(one.session.connection);
  const entering = [outcomeOf(one.double.enter())];
  await present(name, 1);
  const deletion = withholdTxn(other.session.connection, deletes, "and all after it");
  const refused = outcomeOf(other.double.enter());
  await eventually(() => deletion.withheld);
  await seenBy(one.session, name);
  expect(steps.due).toBe(0);
  entering.push(outcomeOf(two.double.enter()));
  expect(await settled(entering)).toEqual(["done", "done"]);
  const leaving = [one, two].map(({ double }) => outcomeOf(double.leave()));
  expect(await settled(leaving)).toEqual(["done", "done"]);
  deletion.letPass();
  expect(await refused.settled).toMatchObject({ code: "COUNT_MISMATCH" });
  await present(name, 0);
});

test("another count, between those of a round: who comes after it does not take it for one of them", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => openMember(name, 3)));
  if (!one || !two || !three) throw new Error("there are three");
  const other = await openMember(name, 5);
  const entering = [outcomeOf(one.double.enter())];
  await present(name, 1);
  const deletion = withholdTxn(other.session.connection, deletes, "and all after it");
  const refused = outcomeOf(other.double.enter());
  await eventually(() => deletion.withheld);
  const ready = withholdTxn(two.session.connection, puts(`${name}/ready`));
  entering.push(outcomeOf(two.double.enter()));
  await present(name, 3);
  await seenBy(two.session, name);
  expect(ready.withheld).toBe(false);
  entering.push(outcomeOf(three.double.enter()));
  expect(await settled(entering)).toEqual(["done", "done", "done"]);
  deletion.letPass();
  expect(await refused.settled).toMatchObject({ code: "COUNT_MISMATCH" });
});

test.for([["at once"], ["when they have gone again"]] as const)(
  "another count than those who are let in, taken in by one that was being refused, which hears of them %s: it is refused",
  async ([when]) => {
    const name = `${testPrefix()}double`;
    const [one, two, three, four] = await Promise.all([1, 2, 3, 4].map(() => openMember(name, 3)));
    if (!one || !two || !three || !four) throw new Error("there are four");
    const other = await openMember(name, 5);
    const abort = new AbortController();
    const cancelled = outcomeOf(one.double.enter({ signal: abort.signal }));
    await present(name, 1);
    const deletion = await beingRefused(name);
    const round = [two, three, four];
    const entering = [outcomeOf(two.double.enter())];
    await present(name, 3);
    abort.abort();
    await cancelled.settled;
    await present(name, 2);
    // the eldest is of its count now
    const lag = when === "at once" ? undefined : lagging(other.session.connection);
    const refused = outcomeOf(other.double.enter());
    await present(name, 3);
    if (!lag) await seenBy(other.session, name);
    expect(refused.now).toBe("pending");
    deletion.letPass();
    await present(name, 2);
    for (const { double } of [three, four]) entering.push(outcomeOf(double.enter()));
    expect(await settled(entering)).toEqual(["done", "done", "done"]);
    const leave = () => settled(round.map(({ double }) => outcomeOf(double.leave())));
    if (lag) expect(await leave()).toEqual(["done", "done", "done"]);
    lag?.tell();
    expect(await refused.settled).toMatchObject({ code: "COUNT_MISMATCH" });
    expect(await membersOf(name)).toHaveLength(lag ? 0 : 3);
    if (!lag) expect(await leave()).toEqual(["done", "done", "done"]);
  },
);

test("two of another count that are there when the others are let in: they do not count one another", async () => {
  const name = `${testPrefix()}double`;
  const members = await Promise.all([1, 2, 3].map(() => openMember(name, 3)));
  const others = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const entering = members.slice(1).map(({ double }) => outcomeOf(double.enter()));
  await present(name, 2);
  const deletions = others.map(({ session }) =>
    withholdTxn(session.connection, deletes, "and all after it"),
  );
  const refused = others.map(({ double }) => outcomeOf(double.enter()));
  await eventually(() => deletions.every(({ withheld }) => withheld));
  await members[0]?.double.enter();
  expect(await settled(entering)).toEqual(["done", "done"]);
  for (const deletion of deletions) deletion.letPass();
  const mismatch = expect.objectContaining({ code: "COUNT_MISMATCH" });
  expect(await settled(refused)).toEqual([mismatch, mismatch]);
  await present(name, 3);
});

test.for([
  ["nobody else"],
  ["one of another count, older than it,"],
  ["a further put of ready"],
] as const)(
  "one too many that is counted, since one before it went, with %s: it is in",
  async ([besides]) => {
    const name = `${testPrefix()}double`;
    const [one, two, third] = await three(name);
    const steps = stepIns(one.session.connection);
    const ready = withholdTxn(two.session.connection, puts(`${name}/ready`), "and all after it");
    const deletion = withholdTxn(third.session.connection, deletes, "and all after it");
    const entering = [outcomeOf(one.double.enter())];
    await present(name, 1);
    const abort = new AbortController();
    const cancelled = outcomeOf(two.double.enter({ signal: abort.signal }));
    await eventually(() => ready.withheld);
    const others = besides.startsWith("one") ? [await beingRefused(name)] : [];
    entering.push(outcomeOf(third.double.enter()));
    await eventually(() => deletion.withheld);
    abort.abort();
    await cancelled.settled;
    await present(name, 2 + others.length);
    // else it would try to let in who has gone, and once more a moment later
    await seenBy(one.session, name);
    ready.letPass();
    await eventually(() => steps.due === 1);
    steps.now();
    expect(await entering[0]?.settled).toBe("done");
    if (besides.endsWith("ready")) await testClient().put(`${name}/ready`).value("");
    for (const other of others) other.letPass();
    await present(name, 2);
    deletion.letPass();
    expect(await entering[1]?.settled).toBe("done");
    expect((await deletion.arrive()).succeeded).toBe(false);
    expect(await membersOf(name)).toHaveLength(2);
    const leaving = outcomeOf(one.double.leave());
    await seenBy(one.session, name);
    expect(leaving.now).toBe("pending");
    await third.double.leave();
    expect(await leaving.settled).toBe("done");
  },
);

/** One of another count: it is there until its deletion passes. */
async function beingRefused(name: string) {
  const { session, double } = await openMember(name, 5);
  const deletion = withholdTxn(session.connection, deletes, "and all after it");
  void outcomeOf(double.enter());
  await eventually(() => deletion.withheld);
  return deletion;
}

test("one too many that is there when the others are let in, and not counted: it is refused", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, third] = await three(name);
  const ready = withholdTxn(two.session.connection, puts(`${name}/ready`), "and all after it");
  const deletion = withholdTxn(third.session.connection, deletes, "and all after it");
  const entering = [outcomeOf(one.double.enter())];
  await present(name, 1);
  entering.push(outcomeOf(two.double.enter()));
  await eventually(() => ready.withheld);
  const refused = outcomeOf(third.double.enter());
  await eventually(() => deletion.withheld);
  ready.letPass();
  expect(await settled(entering)).toEqual(["done", "done"]);
  deletion.letPass();
  expect(await refused.settled).toMatchObject({ code: "TOO_MANY" });
  expect(await membersOf(name)).toHaveLength(2);
});

test("one too many whose key goes before the others let themselves in: they are not let in", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, third] = await three(name);
  const steps = stepIns(one.session.connection);
  const ready = withholdTxn(two.session.connection, puts(`${name}/ready`), "and all after it");
  const deletion = withholdTxn(third.session.connection, deletes, "and all after it");
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  const abort = new AbortController();
  const cancelled = outcomeOf(two.double.enter({ signal: abort.signal }));
  await eventually(() => ready.withheld);
  const refused = outcomeOf(third.double.enter());
  await eventually(() => deletion.withheld);
  abort.abort();
  await cancelled.settled;
  await present(name, 2);
  await eventually(() => steps.due === 1);
  deletion.letPass();
  expect(await refused.settled).toMatchObject({ code: "TOO_MANY" });
  steps.now();
  await seenBy(one.session, name);
  expect(entering.now).toBe("pending");
  ready.letPass();
  await two.double.enter();
  expect(await entering.settled).toBe("done");
});

test("one too many of the next round, while the last is still leaving: it lets nobody in", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, next] = await three(name);
  const other = await openMember(name, 2);
  await Promise.all([one.double.enter(), two.double.enter()]);
  await two.session.close();
  const steps = stepIns(next.session.connection);
  const entering = outcomeOf(next.double.enter());
  await present(name, 2);
  const deletion = withholdTxn(other.session.connection, deletes, "and all after it");
  const refused = outcomeOf(other.double.enter());
  await eventually(() => deletion.withheld);
  await seenBy(next.session, name);
  expect(steps.due).toBe(0);
  deletion.letPass();
  expect(await refused.settled).toMatchObject({ code: "TOO_MANY" });
  await one.double.leave();
  expect(entering.now).toBe("pending");
});

test("one too many whose key is still there when the next round begins, and counts it: it is in", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, late] = await three(name);
  const next = await openMember(name, 2);
  await Promise.all([one.double.enter(), two.double.enter()]);
  const first = withholdTxn(late.session.connection, deletes, "and all after it");
  const entering = outcomeOf(late.double.enter());
  await eventually(() => first.withheld);
  await Promise.all([one.double.leave(), two.double.leave()]);
  // it finds that the round has ended, and tries again
  const again = withholdTxn(late.session.connection, deletesWithoutReady, "and all after it");
  first.letPass();
  await eventually(() => again.withheld);
  await next.double.enter();
  again.letPass();
  expect(await entering.settled).toBe("done");
  const leaving = [next, late].map(({ double }) => outcomeOf(double.leave()));
  expect(await settled(leaving)).toEqual(["done", "done"]);
  await present(name, 0);
});

/** Whether a transaction deletes the key of a member, and compares no `ready` that is there. */
function deletesWithoutReady(txn: Txn): boolean {
  return deletes(txn) && txn.compare.every((one) => !("modRevision" in one && one.modRevision));
}

test("one too many that is cancelled while it is refused takes its key along, counted or not", async () => {
  const name = `${testPrefix()}double`;
  const [one, two, third] = await three(name);
  await Promise.all([one.double.enter(), two.double.enter()]);
  const deletion = withholdTxn(third.session.connection, deletes, "and all after it");
  const abort = new AbortController();
  const reason = new Error("enough");
  const cancelled = outcomeOf(third.double.enter({ signal: abort.signal }));
  await eventually(() => deletion.withheld);
  abort.abort(reason);
  expect(await cancelled.settled).toBe(reason);
  deletion.letPass();
  await present(name, 2);
});
