import { KeyDeletedError, SessionExpiredError } from "@etcdkit/barrier";
import type { WatchReply } from "@etcdkit/core/internal";
import { startProxy } from "@etcdkit/testing";
import { eventually, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { giveWord, type Step, said, startActor } from "./actor.js";
import { compact } from "./compact.js";
import { endpoints, etcdClient, useOwnEtcd } from "./file-etcd.js";
import { endLeases, membersOf, openMember, present, settled } from "./gather.js";
import { outcomeOf } from "./outcome.js";
import { seenBy } from "./seen-by.js";
import { watchStreams } from "./watch-streams.js";

// What happens to one member, and what that is to it and to the others, row by row.

useOwnEtcd();

const TTL = 2;
const signals = ["SIGKILL", "SIGSTOP"] as const;

test.for(signals)("%s before it is full: the place is free again", async (signal) => {
  const name = `${testPrefix()}double`;
  const victim = startActor({ name, steps: ["enter"], ttl: TTL, count: 3 });
  await present(name, 1);
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => openMember(name, 3)));
  const entering = [outcomeOf(one?.double.enter() as Promise<void>)];
  await present(name, 2);
  victim.process.kill(signal);
  await present(name, 1);
  entering.push(outcomeOf(two?.double.enter() as Promise<void>));
  await present(name, 2);
  expect(entering.map(({ now }) => now)).toEqual(["pending", "pending"]);
  await three?.double.enter();
  expect(await settled(entering)).toEqual(["done", "done"]);
  victim.process.kill("SIGCONT");
  if (signal === "SIGSTOP") expect(await said(victim, "enter")).toBe("SESSION_EXPIRED");
});

/** Two of ours enter, with a victim that comes before them, or after. */
async function roundWith(
  start: () => ReturnType<typeof startActor>,
  which: "eldest" | "last",
  name: string,
) {
  const [one, two] = await Promise.all([openMember(name, 3), openMember(name, 3)]);
  const eldest = which === "eldest" ? start() : undefined;
  if (eldest) await present(name, 1);
  const entering = [one, two].map(({ double }) => outcomeOf(double.enter()));
  await present(name, eldest ? 3 : 2);
  return { one, two, victim: eldest ?? start(), entering };
}

test.for(signals.flatMap((signal) => [[signal, "eldest"] as const, [signal, "last"] as const]))(
  "%s after it was full, the victim the %s: the others leave without it",
  async ([signal, which]) => {
    const name = `${testPrefix()}double`;
    const steps: Step[] = ["enter", "a word", "leave"];
    const start = () => startActor({ name, steps, ttl: TTL, count: 3 });
    const { one, two, victim, entering } = await roundWith(start, which, name);
    expect(await said(victim, "enter")).toBe("done");
    expect(await settled(entering)).toEqual(["done", "done"]);
    victim.process.kill(signal);
    const leaving = [one, two].map(({ double }) => outcomeOf(double.leave()));
    expect(await settled(leaving)).toEqual(["done", "done"]);
    expect(await membersOf(name)).toEqual([]);
    if (signal === "SIGKILL") return;
    giveWord(victim);
    victim.process.kill("SIGCONT");
    expect(await said(victim, "leave")).toBe("SESSION_EXPIRED");
  },
);

test.for(signals.flatMap((signal) => [[signal, "eldest"] as const, [signal, "last"] as const]))(
  "%s while it leaves, the victim the %s: the others leave without it",
  async ([signal, which]) => {
    const name = `${testPrefix()}double`;
    const start = () => startActor({ name, steps: ["enter", "leave"], ttl: 20, count: 3 });
    const { one, two, victim, entering } = await roundWith(start, which, name);
    expect(await said(victim, "leave", true)).toBe("begun");
    expect(await settled(entering)).toEqual(["done", "done"]);
    // all but the eldest take their keys away first
    const [eldest = ""] = await present(name, which === "eldest" ? 3 : 2);
    victim.process.kill(signal);
    if (which === "eldest") await endLeases([eldest]);
    const leaving = [one, two].map(({ double }) => outcomeOf(double.leave()));
    expect(await settled(leaving)).toEqual(["done", "done"]);
    expect(await membersOf(name)).toEqual([]);
    if (signal === "SIGKILL") return;
    victim.process.kill("SIGCONT");
    expect(await said(victim, "leave")).toBe(which === "eldest" ? "SESSION_EXPIRED" : "done");
  },
);

const removals = [
  {
    what: "lease revoked",
    remove: (_: string, lease: bigint) => etcdClient().leaseClient.leaseRevoke({ ID: `${lease}` }),
    reason: SessionExpiredError,
  },
  {
    what: "key deleted",
    remove: (key: string) => etcdClient().delete().key(key).exec(),
    reason: KeyDeletedError,
  },
];

test.for(removals.map((removal) => [removal.what, removal] as const))(
  "%s while entering: it hears of it within a second, and the place is free",
  async ([, { remove, reason }]) => {
    const name = `${testPrefix()}double`;
    const [one, two, three] = await Promise.all([
      openMember(name, 2),
      openMember(name, 2),
      openMember(name, 2),
    ]);
    const lost = outcomeOf(one.double.enter());
    const [key = ""] = await present(name, 1);
    await remove(key, one.session.leaseId);
    await eventually(() => lost.now !== "pending", { withinMs: 1_000 });
    expect(lost.now).toBeInstanceOf(reason);
    const entering = outcomeOf(two.double.enter());
    await present(name, 1);
    expect(entering.now).toBe("pending");
    await three.double.enter();
    expect(await entering.settled).toBe("done");
  },
);

test.for(removals.map((removal) => [removal.what, removal] as const))(
  "%s while in: it hears of it when it leaves, and the other one leaves without it",
  async ([, { remove, reason }]) => {
    const name = `${testPrefix()}double`;
    const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
    const entering = outcomeOf(one.double.enter());
    const [key = ""] = await present(name, 1);
    await two.double.enter();
    await entering.settled;
    await remove(key, one.session.leaseId);
    await two.double.leave();
    await expect(one.double.leave()).rejects.toBeInstanceOf(reason);
    expect(await membersOf(name)).toEqual([]);
  },
);

test.for(removals.map((removal) => [removal.what, removal] as const))(
  "%s while the eldest waits to leave: it hears of it within a second",
  async ([, { remove, reason }]) => {
    const name = `${testPrefix()}double`;
    const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
    const entering = outcomeOf(one.double.enter());
    const [key = ""] = await present(name, 1);
    await two.double.enter();
    await entering.settled;
    const leaving = outcomeOf(one.double.leave());
    await seenBy(one.session, name);
    expect(leaving.now).toBe("pending");
    await remove(key, one.session.leaseId);
    await eventually(() => leaving.now !== "pending", { withinMs: 1_000 });
    expect(leaving.now).toBeInstanceOf(reason);
    await two.double.leave();
  },
);

test("a session that ends while a member that is not the eldest leaves: it rejects at once", async () => {
  const name = `${testPrefix()}double`;
  const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  await two.double.enter();
  await entering.settled;
  const leaving = outcomeOf(two.double.leave());
  await present(name, 1);
  await two.session.close();
  expect(await leaving.settled).toMatchObject({ code: "SESSION_CLOSED" });
  await one.double.leave();
});

test.for(["cut", "reset", "stall"] as const)(
  "a connection that meets a %s while entering and while leaving: both go on",
  async (fault) => {
    const name = `${testPrefix()}double`;
    const [target = ""] = endpoints();
    const proxy = await startProxy({ target });
    onTestFinished(() => proxy.close());
    const strike = async () => {
      if (fault === "cut") await proxy.cut();
      else if (fault === "reset") proxy.reset();
      else proxy.stall({ discard: true });
    };
    const mend = async () => {
      if (fault === "cut") await proxy.restore();
      else if (fault === "stall") proxy.resume();
    };
    const one = await openMember(name, 2, { hosts: [proxy.endpoint], ttl: 20 });
    const two = await openMember(name, 2);
    const entering = outcomeOf(one.double.enter());
    await present(name, 1);
    await seenBy(one.session, name);
    const { replies } = watchStreams(one.session.connection);
    await strike();
    // full, and `ready` put, while it cannot see it; what it could resume from is compacted
    await two.double.enter();
    expect(entering.now).toBe("pending");
    await compact();
    await mend();
    expect(await entering.settled).toBe("done");
    // after a reset it may have gone on before the compaction
    if (fault !== "reset") expect(replies.some(compacted)).toBe(true);
    const leaving = [outcomeOf(one.double.leave())];
    await strike();
    leaving.push(outcomeOf(two.double.leave()));
    await present(name, 1);
    expect(leaving.map(({ now }) => now)).toEqual(["pending", "pending"]);
    await mend();
    expect(await settled(leaving)).toEqual(["done", "done"]);
    expect(await membersOf(name)).toEqual([]);
  },
);

test("cut off, its history compacted, while it is in and while it leaves: it waits for the others all the same", async () => {
  const name = `${testPrefix()}double`;
  const [target = ""] = endpoints();
  const proxy = await startProxy({ target });
  onTestFinished(() => proxy.close());
  const one = await openMember(name, 2, { hosts: [proxy.endpoint], ttl: 20 });
  const two = await openMember(name, 2);
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  await two.double.enter();
  expect(await entering.settled).toBe("done");
  const losesHistory = async () => {
    await seenBy(one.session, name);
    const { replies } = watchStreams(one.session.connection);
    await proxy.cut();
    // what it does not see
    await etcdClient().put(`${name}/unseen`).value("");
    await compact();
    await proxy.restore();
    await eventually(() => replies.some(compacted), { withinMs: 10_000 });
    // it has listed anew, and follows again
    await seenBy(one.session, name);
    await etcdClient().delete().key(`${name}/unseen`);
  };
  await losesHistory();
  const leaving = outcomeOf(one.double.leave());
  await losesHistory();
  expect(leaving.now).toBe("pending");
  await two.double.leave();
  expect(await leaving.settled).toBe("done");
  expect(await etcdClient().getAll().prefix(name).keys()).toEqual([]);
});

test("cut off until its session is lost, while it leaves: the other one leaves without it", async () => {
  const name = `${testPrefix()}double`;
  const { victim, proxy } = await behindProxy(name);
  const one = await openMember(name, 2);
  const entering = outcomeOf(victim.double.enter());
  await present(name, 1);
  await one.double.enter();
  expect(await entering.settled).toBe("done");
  const leaving = outcomeOf(victim.double.leave());
  await seenBy(victim.session, name);
  expect(leaving.now).toBe("pending");
  await proxy.cut();
  expect(await leaving.settled).toMatchObject({ code: "SESSION_EXPIRED" });
  await one.double.leave();
  expect(await membersOf(name)).toEqual([]);
});

test("cut off until its session is lost, before it is full: the place is free again", async () => {
  const name = `${testPrefix()}double`;
  const { victim, proxy } = await behindProxy(name);
  const lost = outcomeOf(victim.double.enter());
  await present(name, 1);
  await proxy.cut();
  expect(await lost.settled).toMatchObject({ code: "SESSION_EXPIRED" });
  await present(name, 0);
  const [one, two] = await Promise.all([openMember(name, 2), openMember(name, 2)]);
  const entering = outcomeOf(one.double.enter());
  await present(name, 1);
  expect(entering.now).toBe("pending");
  await two.double.enter();
  expect(await entering.settled).toBe("done");
});

test.for(["eldest", "last"] as const)(
  "cut off until its session is lost, the %s, after it was full: the other one leaves without it",
  async (which) => {
    const name = `${testPrefix()}double`;
    const { victim, proxy } = await behindProxy(name);
    const one = await openMember(name, 2);
    const [first, second] = which === "eldest" ? [victim, one] : [one, victim];
    const entering = outcomeOf(first.double.enter());
    await present(name, 1);
    await second.double.enter();
    expect(await entering.settled).toBe("done");
    await proxy.cut();
    await one.double.leave();
    expect(await membersOf(name)).toEqual([]);
    await expect(victim.double.leave()).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  },
);

function compacted({ compactRevision }: WatchReply): boolean {
  return compactRevision > 0n;
}

async function behindProxy(name: string) {
  const [target = ""] = endpoints();
  const proxy = await startProxy({ target });
  onTestFinished(() => proxy.close());
  const victim = await openMember(name, 2, { hosts: [proxy.endpoint], ttl: TTL });
  return { victim, proxy };
}
