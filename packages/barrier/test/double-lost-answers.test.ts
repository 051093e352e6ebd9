import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { eventually, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { Gathering } from "../src/gathering.js";
import { type OneMember, openMember, present, settled } from "./gather.js";
import { lagging } from "./lagging.js";
import { creates, deletes, puts, withholdTxn } from "./late.js";
import { loseAnswer } from "./lost-answer.js";
import { outcomeOf } from "./outcome.js";
import { seenBy } from "./seen-by.js";

// What a member makes of answers that were lost, and came when the round had gone on.

const lostOnes = [
  ["creation", "one", () => creates],
  ["put of ready", "two", (name: string) => puts(`${name}/ready`)],
  ["deletion by the eldest", "one", () => deletes],
  ["deletion by the other", "two", () => deletes],
] as const;

test.for(lostOnes)(
  "a lost request: the %s: the round is as any other",
  async ([what, who, which]) => {
    const name = `${testPrefix()}double`;
    const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
    const { connection } = (who === "one" ? one : two).session;
    const late = withholdTxn(connection, which(name));
    await round(name, one, two);
    expect(late.withheld).toBe(true);
    const entering = outcomeOf(one.double.enter());
    await present(name, 1);
    // a creation would find nobody's key, or this one
    if (what !== "creation") expect((await late.arrive()).succeeded).toBe(false);
    await seenBy(one.session, name);
    expect(entering.now).toBe("pending");
    await two.double.enter();
    expect(await entering.settled).toBe("done");
    const leaving = [one, two].map(({ double }) => outcomeOf(double.leave()));
    expect(await settled(leaving)).toEqual(["done", "done"]);
    expect(await testClient().getAll().prefix(name).keys()).toEqual([]);
  },
);

test.for(lostOnes)("a lost answer: the %s: the round is as any other", async ([, who, which]) => {
  const name = `${testPrefix()}double`;
  const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const lost = loseAnswer((who === "one" ? one : two).session.connection, which(name));
  lost.giveUp();
  await round(name, one, two);
  // the watch may have told what came of it before
  await eventually(() => lost.carriedOut);
  await round(name, one, two);
});

/** Of two members, of whom the first is the eldest. */
async function round(name: string, eldest: OneMember, other: OneMember): Promise<void> {
  const entering = [outcomeOf(eldest.double.enter())];
  await present(name, 1);
  entering.push(outcomeOf(other.double.enter()));
  expect(await settled(entering)).toEqual(["done", "done"]);
  const leaving = [outcomeOf(eldest.double.leave())];
  await seenBy(eldest.session, name);
  expect(leaving[0]?.now).toBe("pending");
  leaving.push(outcomeOf(other.double.leave()));
  expect(await settled(leaving)).toEqual(["done", "done"]);
  expect(await testClient().getAll().prefix(name).keys()).toEqual([]);
}

test("let in by an answer that its watch has not caught up with, it does not leave before the others", async () => {
  const name = `${testPrefix()}double`;
  const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const { connection } = one.session;
  // followed from before either of them came
  const gathering = Gathering.of(internals(connection), name);
  const lag = lagging(connection);
  gathering.retain();
  await eventually(() => gathering.revision > 0n);
  const lost = loseAnswer(connection, creates);
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  await two.double.enter();
  await eventually(() => lag.held > 1);
  lost.giveUp();
  expect(await entering.settled).toBe("done");
  const leaving = outcomeOf(one.double.leave());
  const deletion = withholdTxn(connection, deletes);
  // first of all, that it is there itself
  lag.tell();
  expect(deletion.withheld).toBe(false);
  expect(leaving.now).toBe("pending");
  await two.double.leave();
  expect(await leaving.settled).toBe("done");
  gathering.release();
});

test("one too many, its answer lost until one of those before it has left: it is refused all the same", async () => {
  const name = `${testPrefix()}double`;
  const members = await Promise.all([1, 2, 3].map(() => openMember(name, 2)));
  const [one, two, three] = members;
  if (!one || !two || !three) throw new Error("there are three");
  const ready = withholdTxn(two.session.connection, puts(`${name}/ready`), "and all after it");
  const entering = [outcomeOf(one.double.enter())];
  await present(name, 1);
  entering.push(outcomeOf(two.double.enter()));
  await eventually(() => ready.withheld);
  const lost = loseAnswer(three.session.connection, creates);
  const late = outcomeOf(three.double.enter());
  await eventually(() => lost.carriedOut);
  ready.letPass();
  expect(await settled(entering)).toEqual(["done", "done"]);
  const leaving = [outcomeOf(two.double.leave())];
  await present(name, 2);
  lost.giveUp();
  expect(await late.settled).toMatchObject({ code: "TOO_MANY" });
  leaving.push(outcomeOf(one.double.leave()));
  expect(await settled(leaving)).toEqual(["done", "done"]);
  await present(name, 0);
});

test("the answer to the creation is lost, and its history compacted by the next attempt: the round is as any other", async () => {
  const name = `${testPrefix()}double`;
  const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const lost = loseAnswer(one.session.connection, creates);
  const entering = outcomeOf(one.double.enter());
  await eventually(() => lost.carriedOut);
  // by hand: a real compaction would take the history of the tests beside this one along
  const { current: member } = internals(one.session.connection).members;
  const range = member.range.bind(member);
  let refused = false;
  member.range = async (request, call) => {
    if (!request.revision) return await range(request, call);
    refused = true;
    throw new EtcdFailure("compacted", "compacted by the test");
  };
  lost.giveUp();
  await two.double.enter();
  expect(await entering.settled).toBe("done");
  expect(refused).toBe(true);
});

test("a creation that arrives after its member's key was deleted by hand: undone within a TTL", async () => {
  const name = `${testPrefix()}double`;
  const { double, session } = await openMember(name, 2, { ttl: 2 });
  const late = withholdTxn(session.connection, creates);
  const entering = outcomeOf(double.enter());
  const [key = ""] = await present(name, 1);
  await testClient().delete().key(key);
  expect(await entering.settled).toMatchObject({ code: "KEY_DELETED" });
  expect((await late.arrive()).succeeded).toBe(true);
  await present(name, 0);
  expect(session.state).toBe("connected");
});
