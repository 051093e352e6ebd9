import { Barrier, type Connection, Session } from "@etcdkit/barrier";
import { internals, type WatchEvent } from "@etcdkit/core/internal";
import { eventually, startProxy } from "@etcdkit/testing";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { giveWord, type Step, said, startActor } from "./actor.js";
import { compact } from "./compact.js";
import { endpoints, etcdClient, useOwnEtcd } from "./file-etcd.js";
import { openConnection, openSession } from "./open.js";
import { outcomeOf } from "./outcome.js";
import { waitingAt } from "./waiting-at.js";
import { watchStreams } from "./watch-streams.js";

// What happens to the holder, and what those who wait make of it, row by row.

useOwnEtcd();

const TTL = 2;
const lost = expect.objectContaining({ name: "BarrierError", code: "HOLDER_LOST" });
const ways = ["release", "fail"] as const;

async function waitAt(name: string) {
  const etcd = openConnection();
  const outcome = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 1);
  return outcome;
}

test.for(
  (["SIGKILL", "SIGSTOP"] as const).flatMap((signal) => ways.map((way) => [signal, way] as const)),
)("holder %s, onHolderLost %s", async ([signal, way]) => {
  const name = `${testPrefix()}barrier`;
  const steps: Step[] = ["hold", "a word", "hold"];
  const holder = startActor({ name, steps, ttl: TTL, onHolderLost: way });
  expect(await said(holder, "hold")).toBe("done");
  const waiting = await waitAt(name);
  const since = performance.now();
  holder.process.kill(signal);
  expect(await waiting.settled).toEqual(way === "fail" ? lost : "done");
  // its lease was renewed two thirds of the TTL ago at the earliest, and etcd sweeps each 500 ms
  const afterMs = performance.now() - since;
  expect(afterMs).toBeGreaterThan((TTL * 1_000) / 3 - 100);
  expect(afterMs).toBeLessThan(TTL * 1_000 + 1_500);
  expect(await etcdClient().get(name).string()).toBeNull();
  if (signal === "SIGKILL") return;
  // once it wakes, it knows
  giveWord(holder);
  holder.process.kill("SIGCONT");
  const { error } = await holder.message(({ what }) => what === "failed");
  expect(error).toBe("SESSION_EXPIRED");
  expect(await etcdClient().get(name).string()).toBeNull();
});

test("holder cut off for less than its TTL: those who wait wait on", async () => {
  const name = `${testPrefix()}barrier`;
  const { proxy, etcd } = await proxied();
  const session = await Session.open(etcd, { ttl: 20 });
  const barrier = new Barrier(etcd, name);
  await barrier.hold({ session, onHolderLost: "fail" });
  const waiting = await waitAt(name);
  await proxy.cut();
  // whoever comes meanwhile finds it held, too
  const late = await waitAt(name);
  expect(waiting.now).toBe("pending");
  await proxy.restore();
  await expect(barrier.hold({ session })).rejects.toMatchObject({ code: "ALREADY_HELD" });
  expect([waiting.now, late.now, session.state]).toEqual(["pending", "pending", "connected"]);
  await barrier.release();
  expect([await waiting.settled, await late.settled]).toEqual(["done", "done"]);
});

test.for(ways)("a compaction while it is held, and nothing else, onHolderLost %s", async (way) => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session, onHolderLost: way });
  const waiting = await waitAt(name);
  await compact();
  const late = await waitAt(name);
  expect(waiting.now).toBe("pending");
  await barrier.release();
  expect([await waiting.settled, await late.settled]).toEqual(["done", "done"]);
});

test("a waiter killed: the others wait on, and are released", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session, onHolderLost: "fail" });
  const victim = startActor({ name, steps: ["wait"], ttl: TTL });
  await said(victim, "wait", true);
  const waiting = await waitAt(name);
  victim.process.kill("SIGKILL");
  await victim.ended;
  const late = await waitAt(name);
  expect(waiting.now).toBe("pending");
  await barrier.release();
  expect([await waiting.settled, await late.settled]).toEqual(["done", "done"]);
});

test.for(ways)("holder cut off until its session is lost, onHolderLost %s", async (way) => {
  const name = `${testPrefix()}barrier`;
  const { proxy, etcd } = await proxied();
  const session = await Session.open(etcd, { ttl: TTL });
  const barrier = new Barrier(etcd, name);
  await barrier.hold({ session, onHolderLost: way });
  const waiting = await waitAt(name);
  await proxy.cut();
  expect(await waiting.settled).toEqual(way === "fail" ? lost : "done");
  // it knew before those who waited did
  expect(session.state).toBe("expired");
  await proxy.restore();
  await barrier.release();
  await expect(barrier.hold({ session })).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
});

test.for(["SIGKILL", "SIGSTOP"] as const)(
  "an unleased holder %s: those who wait wait on, for whoever releases it",
  async (signal) => {
    const name = `${testPrefix()}barrier`;
    const holder = startActor({ name, steps: ["hold unleased"], ttl: TTL });
    expect(await said(holder, "hold unleased")).toBe("done");
    const waiting = await waitAt(name);
    holder.process.kill(signal);
    if (signal === "SIGKILL") await holder.ended;
    // nothing that ends takes it along
    expect((await etcdClient().get(name).exec()).kvs[0]?.lease).toBe("0");
    expect(waiting.now).toBe("pending");
    await new Barrier(openConnection(), name).release();
    expect(await waiting.settled).toBe("done");
  },
);

test("an unleased holder's key deleted by hand: a release", async () => {
  const name = `${testPrefix()}barrier`;
  const barrier = new Barrier(openConnection(), name);
  await barrier.hold();
  const waiting = await waitAt(name);
  await etcdClient().delete().key(name);
  expect(await waiting.settled).toBe("done");
  await barrier.release();
  // and the name is free, for the same object too
  await barrier.hold();
  await barrier.release();
});

test.for(ways)("holder's lease revoked, onHolderLost %s", async (way) => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session, onHolderLost: way });
  const waiting = await waitAt(name);
  await etcdClient().leaseClient.leaseRevoke({ ID: `${session.leaseId}` });
  expect(await waiting.settled).toEqual(way === "fail" ? lost : "done");
  // nothing is left to release, which is no error
  await barrier.release();
});

test.for(ways)("the key deleted by hand is a release, as in Go, onHolderLost %s", async (way) => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session, onHolderLost: way });
  const waiting = await waitAt(name);
  await etcdClient().delete().key(name);
  expect(await waiting.settled).toBe("done");
  // another holds by then, and ours does not release it
  const next = new Barrier(openConnection(), name);
  await next.hold();
  await barrier.release();
  expect(await etcdClient().get(name).string()).not.toBeNull();
  await next.release();
});

test("the key deleted by hand in the last second of its lease is a release, too", async () => {
  const name = `${testPrefix()}barrier`;
  const { kv, leaseClient } = etcdClient();
  const { ID: lease } = await leaseClient.leaseGrant({ TTL: TTL });
  const value = JSON.stringify({ hold: "by nobody who renews it", onHolderLost: "fail" });
  await kv.put({ key: Buffer.from(name), value: Buffer.from(value), lease });
  const waiting = await waitAt(name);
  await eventually(async () => (await leaseClient.leaseTimeToLive({ ID: lease })).TTL === "0");
  await etcdClient().delete().key(name);
  expect(await waiting.settled).toBe("done");
});

test.for(ways)("released, and the session closed right after, onHolderLost %s", async (way) => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session, onHolderLost: way });
  const waiting = await waitAt(name);
  await barrier.release();
  await session.close();
  expect(await waiting.settled).toBe("done");
});

test.for(ways)("released by another object, as in Go, onHolderLost %s", async (way) => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  await new Barrier(session.connection, name).hold({ session, onHolderLost: way });
  const waiting = await waitAt(name);
  await new Barrier(openConnection(), name).release();
  await session.close();
  expect(await waiting.settled).toBe("done");
});

test.for([["the same object"], ["another object"]] as const)(
  "held again on one session by %s, when the key of the hold before was deleted by hand",
  async ([who]) => {
    const name = `${testPrefix()}barrier`;
    const session = await openSession();
    const before = new Barrier(session.connection, name);
    await before.hold({ session });
    await etcdClient().delete().key(name);
    const barrier = who === "the same object" ? before : new Barrier(session.connection, name);
    await barrier.hold({ session });
    await expect(barrier.hold({ session })).rejects.toMatchObject({ code: "ALREADY_HELD" });
    // the one before has nothing left to release
    if (barrier !== before) await before.release();
    expect(await etcdClient().get(name).string()).not.toBeNull();
    await barrier.release();
    expect(await etcdClient().get(name).string()).toBeNull();
  },
);

test("who has held releases only its own hold, however often", async () => {
  const name = `${testPrefix()}barrier`;
  const barrier = new Barrier(openConnection(), name);
  await barrier.hold();
  await Promise.all([barrier.release(), barrier.release()]);
  await new Barrier(openConnection(), name).hold();
  await barrier.release();
  expect(await etcdClient().get(name).string()).not.toBeNull();
  await new Barrier(openConnection(), name).release();
  expect(await etcdClient().get(name).string()).toBeNull();
});

/** Both sides of the barrier behind one proxy each. */
async function proxied(): Promise<{
  proxy: Awaited<ReturnType<typeof startProxy>>;
  etcd: Connection;
}> {
  const [target = ""] = endpoints();
  const proxy = await startProxy({ target });
  onTestFinished(() => proxy.close());
  return { proxy, etcd: openConnection({ hosts: [proxy.endpoint] }) };
}

test.for(["cut", "reset", "stall"] as const)(
  "a waiter whose connection meets a %s waits on, and hears of a release in the meantime",
  async (fault) => {
    const name = `${testPrefix()}barrier`;
    const holder = new Barrier(openConnection(), name);
    await holder.hold();
    const { proxy, etcd } = await proxied();
    const waiting = outcomeOf(new Barrier(etcd, name).wait());
    await waitingAt(etcd, name, 1);
    const streams = watchStreams(etcd);
    if (fault === "cut") await proxy.cut();
    else if (fault === "reset") proxy.reset();
    else proxy.stall({ discard: true });
    await eventually(() => streams.opened > 0, {
      what: "another stream, instead of the broken one",
    });
    expect(waiting.now).toBe("pending");
    await holder.release();
    if (fault === "cut") await proxy.restore();
    else if (fault === "stall") proxy.resume();
    expect(await waiting.settled).toBe("done");
  },
);

test("a waiter whose history was compacted while it was cut off waits on", async () => {
  const name = `${testPrefix()}barrier`;
  const holder = new Barrier(openConnection(), name);
  await holder.hold();
  const { proxy, etcd } = await proxied();
  const waiting = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 1);
  const { replies } = watchStreams(etcd);
  await proxy.cut();
  // many revisions of the key itself that it will not see
  await etcdClient().put(name).value("a remark");
  await compact();
  await proxy.restore();
  const refused = () => replies.findIndex(({ compactRevision }) => compactRevision > 0n);
  await eventually(() => refused() >= 0 && replies.slice(refused() + 1).some((one) => one.created));
  expect(waiting.now).toBe("pending");
  await holder.release();
  expect(await waiting.settled).toBe("done");
});

test.for([
  ["release", "held again", "done"],
  ["fail", "released", "done"],
  ["fail", "dead", lost],
] as const)(
  "what happened unseen, its history compacted: onHolderLost %s, %s",
  async ([way, what, outcome]) => {
    const name = `${testPrefix()}barrier`;
    const session: Session = await openSession();
    const holder = new Barrier(session.connection, name);
    await holder.hold({ session, onHolderLost: way });
    const { proxy, etcd } = await proxied();
    const waiting = outcomeOf(new Barrier(etcd, name).wait());
    await waitingAt(etcd, name, 1);
    const { replies } = watchStreams(etcd);
    await proxy.cut();
    if (what === "dead") await session.close();
    else await holder.release();
    // another hold is not the one it waits for
    if (what === "held again") await new Barrier(openConnection(), name).hold();
    await compact();
    await proxy.restore();
    expect(await waiting.settled).toEqual(outcome);
    expect(replies.some(({ compactRevision }) => compactRevision > 0n)).toBe(true);
  },
);

test.for([
  ["released, and its session closed", "done"],
  ["released, and its session closed, with the history before that compacted", "done"],
  ["released, and its session closed, with all history compacted", lost],
  ["dead", lost],
] as const)(
  "%s between the waiter's first look and its watch, onHolderLost fail",
  async ([what, outcome]) => {
    const name = `${testPrefix()}barrier`;
    const session = await openSession();
    const holder = new Barrier(session.connection, name);
    await holder.hold({ session, onHolderLost: "fail" });
    const etcd = openConnection();
    const look = lateAnswer(etcd);
    const waiting = outcomeOf(new Barrier(etcd, name).wait());
    await eventually(() => look.answered);
    if (what.endsWith("before that compacted")) {
      // so much of it that the search begins there
      for (let n = 0; n < 10; n++) await etcdClient().put(`${name}/unrelated`).value("");
      await compact();
    }
    if (what !== "dead") await holder.release();
    await session.close();
    if (what.endsWith("all history compacted")) await compact();
    look.tell();
    expect(await waiting.settled).toEqual(outcome);
  },
);

test("released, its session closed, and held by another, before the answer to a second look comes, which saw it held: a release", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const holder = new Barrier(session.connection, name);
  await holder.hold({ session, onHolderLost: "fail" });
  const etcd = openConnection();
  const { replies } = watchStreams(etcd);
  const first = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 1);
  const look = lateAnswer(etcd);
  const second = outcomeOf(new Barrier(etcd, name).wait());
  await eventually(() => look.answered);
  await holder.release();
  await session.close();
  await new Barrier(openConnection(), name).hold();
  expect(await first.settled).toBe("done");
  const created = ({ kv }: WatchEvent) => kv.createRevision === kv.modRevision;
  await eventually(() => replies.some(({ events }) => events.some(created)));
  look.tell();
  expect(await second.settled).toBe("done");
});

test("dead, while it is asked how a hold before it on the same session ended: that answer is not taken for its own", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession();
  const holder = new Barrier(session.connection, name);
  await holder.hold({ session, onHolderLost: "fail" });
  const etcd = openConnection();
  const member = internals(etcd).members.current;
  const ask = member.leaseTimeToLive.bind(member);
  let answered = false;
  let tell = () => {};
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  member.leaseTimeToLive = async (lease, call) => {
    const answer = await ask(lease, call);
    member.leaseTimeToLive = ask;
    answered = true;
    await told;
    return answer;
  };
  const first = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 1);
  await etcdClient().delete().key(name);
  await eventually(() => answered);
  await holder.hold({ session, onHolderLost: "fail" });
  const second = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 2);
  await session.close();
  expect(await second.settled).toEqual(lost);
  tell();
  expect(await first.settled).toBe("done");
});

/** Holds the answer to the next read of this connection back. */
function lateAnswer(etcd: Connection) {
  const member = internals(etcd).members.current;
  const range = member.range.bind(member);
  let answered = false;
  let tell = () => {};
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  member.range = async (request, call) => {
    const answer = await range(request, call);
    member.range = range;
    answered = true;
    await told;
    return answer;
  };
  return {
    get answered() {
      return answered;
    },
    tell: () => tell(),
  };
}

test("a waiter that was frozen during the release hears of it", async () => {
  const name = `${testPrefix()}barrier`;
  const holder = new Barrier(openConnection(), name);
  await holder.hold();
  const waiter = startActor({ name, steps: ["wait"], ttl: TTL });
  await said(waiter, "wait", true);
  waiter.process.kill("SIGSTOP");
  await holder.release();
  await compact();
  waiter.process.kill("SIGCONT");
  expect(await said(waiter, "wait")).toBe("done");
});

test("a waiter whose connection is closed hears that, not a release", async () => {
  const name = `${testPrefix()}barrier`;
  await new Barrier(openConnection(), name).hold();
  const etcd = openConnection();
  const waiting = outcomeOf(new Barrier(etcd, name).wait());
  await waitingAt(etcd, name, 1);
  await etcd.close();
  expect(await waiting.settled).toMatchObject({ code: "CONNECTION_CLOSED" });
});
