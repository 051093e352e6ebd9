import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners, getMaxListeners } from "node:events";
import { internals } from "@etcdkit/core/internal";
import {
  connect,
  Election,
  type LeadEvent,
  LeaderHealth,
  type Leadership,
  lead,
} from "@etcdkit/election";
import { eventually, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test, vi } from "vitest";
import { inLine } from "./in-line.js";
import { type Leading, leading, open, untilTold, why } from "./leading.js";
import { openSession } from "./open-session.js";

test("works while it leads, and resigns when it is stopped, so that the next one leads at once", async () => {
  let told: unknown;
  let listeners: number | undefined;
  const service = leading(open(), {}, async (leadership) => {
    expect(leadership.held).toBe(true);
    listeners = getMaxListeners(leadership.signal);
    await untilTold(leadership);
    told = leadership.signal.reason;
    // still leading while it puts its things in order
    expect(leadership.held).toBe(true);
  });
  const election = new Election(await openSession(), service.name);
  await inLine(election, 1);
  const next = election.campaign("next");
  await inLine(election, 2);
  const since = performance.now();
  await service.stop();
  expect((await next).held).toBe(true);
  expect(performance.now() - since).toBeLessThan(500);
  expect(told).toBe(why);
  expect([0, Number.POSITIVE_INFINITY]).toContain(listeners);
  expect(service.story()).toEqual(["started", "stopped: ended"]);
  expect(getEventListeners(service.signal, "abort")).toEqual([]);
});

test("tells of every leader, its own terms included", async () => {
  const { connection } = await openSession();
  const service = leading(open(), { value: "ours" }, untilTold);
  const { name, events } = service;
  const leaders = () =>
    events.flatMap((event) => (event.type === "leader" ? [`${event.leader?.value}`] : []));
  await eventually(() => leaders().at(-1) === "ours");
  const [leader] = await inLine(Election.observer(connection, name), 1);
  expect(events.find(({ type }) => type === "started")).toMatchObject({
    leadership: { key: leader?.key, fencingToken: leader?.fencingToken },
  });
  const next = new Election(await openSession(), name).campaign("theirs");
  await inLine(Election.observer(connection, name), 2);
  await testClient()
    .delete()
    .key(leader?.key ?? "");
  await (await next).proclaim("theirs again");
  await eventually(() => leaders().at(-1) === "theirs again");
  expect(leaders().join()).toMatch(/^(undefined,)?ours,theirs,theirs again$/);
});

test("stopped while it waits, it leaves no key and works not at all", async () => {
  const name = `${testPrefix()}service`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("leader");
  let worked = false;
  const work = async () => {
    worked = true;
  };
  const service = leading(open(), {}, work, name);
  await inLine(election, 2);
  await service.stop();
  expect(await election.contenders()).toHaveLength(1);
  await leadership.resign();
  expect(await election.contenders()).toHaveLength(0);
  expect(worked).toBe(false);
});

test("stopped before it begins, it does nothing", async () => {
  const etcd = open("127.0.0.1:1");
  const signal = AbortSignal.abort(why);
  await lead(etcd, "service", { value: "v", signal }, () => Promise.reject(why));
});

test("stopped while etcd cannot be reached, it ends at once", async () => {
  const service = leading(open("127.0.0.1:1"), {}, untilTold);
  const later = new Promise((next) => setImmediate(next));
  await later;
  const since = performance.now();
  await service.stop();
  expect(performance.now() - since).toBeLessThan(2_000);
  expect(service.story()).toEqual([]);
});

test("work that returns has done its term: the next one's turn, then ours again", async () => {
  const name = `${testPrefix()}service`;
  const turns: string[] = [];
  const work = (who: string) => async () => {
    turns.push(who);
  };
  const one = leading(open(), {}, work("one"), name);
  const two = leading(open(), {}, work("two"), name);
  await eventually(() => turns.length >= 6);
  await Promise.all([one.stop(), two.stop()]);
  expect(turns.filter((who) => who === "one").length).toBeGreaterThanOrEqual(2);
  expect(turns.filter((who) => who === "two").length).toBeGreaterThanOrEqual(2);
  expect(one.story().slice(0, 4)).toEqual(["started", "stopped: done", "started", "stopped: done"]);
});

test("nothing is left of a term: no listener, and what is resigned is not reported as lost", async () => {
  const name = `${testPrefix()}service`;
  const told: string[] = [];
  for (const what of ["acquired", "released", "lost"]) {
    const note = (message: unknown) => {
      if ((message as { name: string }).name === name) told.push(what);
    };
    subscribe(`etcdkit:lock:${what}`, note);
    onTestFinished(() => void unsubscribe(`etcdkit:lock:${what}`, note));
  }
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on("warning", warned);
  onTestFinished(() => void process.off("warning", warned));
  let terms = 0;
  const work = (leadership: Leadership) =>
    ++terms === 13 ? untilTold(leadership) : Promise.resolve();
  const service = leading(open(), {}, work, name);
  // Node warns of the eleventh listener on a signal
  await eventually(() => terms === 13);
  await service.stop();
  expect(told).toEqual(Array.from({ length: 13 }, () => ["acquired", "released"]).flat());
  await new Promise((next) => setImmediate(next));
  expect(warnings).toEqual([]);
});

test("work that throws ends it, after resigning", async () => {
  const oops = new Error("oops");
  const service = leading(open(), {}, async () => {
    throw oops;
  });
  await expect(service.ended).rejects.toBe(oops);
  expect(service.story()).toEqual(["started", "stopped: failed"]);
  expect(service.events).toContainEqual(expect.objectContaining({ why: "failed", error: oops }));
  expect(await testClient().getAll().prefix(service.name).keys()).toEqual([]);
  expect(getEventListeners(service.signal, "abort")).toEqual([]);
});

test("work that throws at once, not by its promise, ends it too", async () => {
  const oops = new Error("oops");
  const service = leading(open(), {}, () => {
    throw oops;
  });
  await expect(service.ended).rejects.toBe(oops);
});

test.for(["started", "leader", "stopped"] as const)(
  "a listener that throws at %s ends it, after resigning",
  async (type) => {
    const oops = new Error("oops");
    const onChange = (event: LeadEvent) => {
      if (event.type === type) throw oops;
    };
    const work = (leadership: Leadership) =>
      type === "stopped" ? Promise.resolve() : untilTold(leadership);
    const service = leading(open(), { onChange }, work);
    await expect(service.ended).rejects.toBe(oops);
    expect(await testClient().getAll().prefix(service.name).keys()).toEqual([]);
  },
);

test("stubborn work is told of and waited for: two are never at it, not even with another leader elsewhere", async () => {
  const health = new LeaderHealth();
  let inside = 0;
  let release = () => {};
  const stubborn = new Promise<void>((resolve) => {
    release = resolve;
  });
  const terms: Leadership[] = [];
  const service = leading(open(), { health, stubbornAfterMs: 50 }, async (leadership) => {
    terms.push(leadership);
    expect(++inside).toBe(1);
    await (terms.length === 1 ? stubborn : untilTold(leadership));
    inside--;
  });
  await eventually(() => terms.length === 1);
  expect(health.healthy).toBe(true);
  expect(health.problem).toBeUndefined();
  await testClient()
    .delete()
    .key(terms[0]?.key ?? "");
  await eventually(() => service.story().at(-1) === "stubborn");
  expect(health.healthy).toBe(false);
  expect(health.problem).toContain(`election ${service.name}: the leadership is lost`);
  // it does not even campaign meanwhile
  const election = new Election(await openSession(), service.name);
  expect(await election.contenders()).toEqual([]);
  const leadership = await election.campaign("another");
  expect(service.story()).toEqual(["started", "stubborn"]);
  release();
  await inLine(election, 2);
  // a candidate is as well as can be
  expect(health.healthy).toBe(true);
  await leadership.resign();
  await eventually(() => terms.length === 2);
  await service.stop();
  expect(service.events).toContainEqual(
    expect.objectContaining({ type: "stubborn", afterMs: 50, leadership: terms[0] }),
  );
});

test("stubborn work is waited for at the end too, and leads until then", async () => {
  let release = () => {};
  const stubborn = new Promise<void>((resolve) => {
    release = resolve;
  });
  let leadership: Leadership | undefined;
  const service = leading(open(), { stubbornAfterMs: 0 }, async (given) => {
    leadership = given;
    await stubborn;
  });
  await eventually(() => leadership);
  let over = false;
  const stopping = service.stop().then(() => {
    over = true;
  });
  await eventually(() => service.story().at(-1) === "stubborn");
  expect(leadership?.held).toBe(true);
  expect(over).toBe(false);
  release();
  await stopping;
  expect(service.story()).toEqual(["started", "stubborn", "stopped: ended"]);
});

test("a leader that cannot renew is not healthy, a candidate that cannot is", async () => {
  const proxies = await Promise.all(
    [1, 2].map(() => startProxy({ target: sharedEtcd().endpoints[0] ?? "" })),
  );
  onTestFinished(async () => {
    for (const proxy of proxies) await proxy.close();
  });
  const name = `${testPrefix()}service`;
  const healths = [new LeaderHealth(), new LeaderHealth()];
  const [one, two] = healths;
  const services: Leading[] = [];
  for (const [index, health] of healths.entries()) {
    const etcd = open(proxies[index]?.endpoint);
    services.push(leading(etcd, { health, ttl: 3 }, untilTold, name));
    const { connection } = await openSession();
    await inLine(Election.observer(connection, name), index + 1);
  }
  await eventually(() => services[0]?.story().at(-1) === "started");
  const line = await Election.observer((await openSession()).connection, name).contenders();
  const problems: (string | undefined)[] = [];
  const note = (message: unknown) => {
    const { leaseId, to } = message as { leaseId: bigint; to: string };
    const index = line.findIndex((contender) => contender.leaseId === leaseId);
    if (index >= 0 && to === "suspended") problems[index] = healths[index]?.problem ?? "none";
  };
  subscribe("etcdkit:session:state", note);
  onTestFinished(() => void unsubscribe("etcdkit:session:state", note));
  for (const proxy of proxies) proxy.stall({ discard: true });
  // by then neither can renew
  await eventually(() => problems[0] && problems[1], { what: "two suspended sessions" });
  expect(problems[0]).toMatch(/cannot renew the session; \d+ ms are left/);
  expect(problems[1]).toBe("none");
  // once it has stopped it is none of its business any more
  await eventually(() => services[0]?.story().includes("stopped: lost"));
  expect(one?.healthy).toBe(true);
  for (const proxy of proxies) proxy.resume();
  await eventually(() => services.some(({ story }) => story().at(-1) === "started"), {
    withinMs: 15_000,
  });
  await Promise.all(services.map(({ stop }) => stop()));
  expect([one?.healthy, two?.healthy]).toEqual([true, true]);
});

test("the connection is closed under it: that is an error, after the work has ended", async () => {
  const etcd = open();
  let ended = false;
  const service = leading(etcd, {}, async (leadership) => {
    await untilTold(leadership);
    ended = true;
  });
  await eventually(() => service.story().at(-1) === "started");
  await etcd.close();
  await expect(service.ended).rejects.toMatchObject({
    code: expect.stringMatching(/^(SESSION|CONNECTION)_CLOSED$/),
  });
  expect(ended).toBe(true);
});

test("an observation that is refused is begun again, as a candidacy is", async () => {
  const name = `${testPrefix()}service`;
  // more than the service's connection takes
  const large = await new Election(await openSession(), name).campaign(Buffer.alloc(100_000));
  const hosts = sharedEtcd().endpoints;
  const etcd = connect({ hosts, grpcOptions: { "grpc.max_receive_message_length": 20_000 } });
  onTestFinished(() => etcd.close());
  const { watches } = internals(etcd);
  const watch = vi.spyOn(watches, "open");
  const { events, story } = leading(etcd, { value: "ours" }, untilTold, name);
  const refused = expect.objectContaining({ code: "REFUSED" });
  await eventually(() => story().length >= 3, { what: "three refusals" });
  expect(events).toEqual(
    events.map(() => expect.objectContaining({ type: "retrying", error: refused })),
  );
  // ever more slowly, as they do
  expect(watch.mock.calls.length).toBeLessThanOrEqual(10);
  await large.resign();
  await eventually(
    () => events.some((event) => event.type === "leader" && `${event.leader?.value}` === "ours"),
    { withinMs: 15_000, what: "the word of its own leadership" },
  );
  expect(story().at(-1)).toBe("started");
});

test("without events, health or signal it works as well", async () => {
  const etcd = open();
  const done = new Error("done");
  let terms = 0;
  const running = lead(etcd, `${testPrefix()}service`, { value: Buffer.from("v") }, async () => {
    if (++terms === 2) throw done;
  });
  await expect(running).rejects.toBe(done);
});
