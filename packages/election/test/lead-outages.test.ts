import { getEventListeners } from "node:events";
import { isDeepStrictEqual } from "node:util";
import { connect, type LeadEvent, type Leadership, lead } from "@etcdkit/election";
import { eventually, startEtcd, startProxy } from "@etcdkit/testing";
import { expect, onTestFinished, test } from "vitest";

const SERVICES = 3;
const CHANGES = 20;
const RECOVERY_MS = 20_000;

/** What the process holds on to, by kind and number; the proxy's sockets, of which each connection has two, among them. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== "Immediate") counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

test("three outages of etcd and twenty changes of the leader: one works at a time, and nothing is left", {
  timeout: 120_000,
}, async () => {
  const warnings: Error[] = [];
  const rejections: unknown[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  const rejected = (reason: unknown) => void rejections.push(reason);
  process.on("warning", warned);
  process.on("unhandledRejection", rejected);
  onTestFinished(() => {
    process.off("warning", warned);
    process.off("unhandledRejection", rejected);
  });
  await using server = await startEtcd({ own: true });
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const client = server.client();
  const inLine = async () => (await client.getAll().prefix("service/").keys()).length;
  expect(await inLine()).toBe(0);
  const before = resources();

  let inside = 0;
  const most = { inside: 0 };
  const tokens: bigint[] = [];
  const leaders: number[] = [];
  let stepDown = () => {};
  const work = (who: number) => async (leadership: Leadership) => {
    most.inside = Math.max(most.inside, ++inside);
    tokens.push(leadership.fencingToken);
    leaders.push(who);
    await new Promise<void>((resolve) => {
      stepDown = resolve;
      leadership.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    inside--;
  };
  const controller = new AbortController();
  const { signal } = controller;
  const etcds = Array.from({ length: SERVICES }, () => connect({ hosts: proxy.endpoint }));
  const events: LeadEvent[] = [];
  const services = etcds.map((etcd, who) => {
    const onChange = (event: LeadEvent) => void events.push(event);
    return lead(etcd, "service", { value: `${who}`, ttl: 2, signal, onChange }, work(who));
  });
  const working = async (terms: number) => {
    await eventually(() => leaders.length >= terms && inside === 1, {
      withinMs: RECOVERY_MS,
      what: `term ${terms}`,
    });
  };
  const change = async () => {
    await working(leaders.length);
    const terms = leaders.length;
    // all in line, so that another one follows
    await eventually(async () => (await inLine()) === SERVICES);
    stepDown();
    await working(terms + 1);
    expect(leaders.at(-1)).not.toBe(leaders.at(-2));
  };
  const outage = async (begin: () => unknown, end: () => unknown) => {
    const terms = leaders.length;
    await begin();
    // long enough that the leader must give up, and it does while etcd is away
    await eventually(() => inside === 0, { what: "the end of the work" });
    await end();
    await working(terms + 1);
  };

  await working(1);
  for (let n = 0; n < 5; n++) await change();
  const early = resources();
  await outage(
    () => server.pause(),
    () => server.resume(),
  );
  for (let n = 0; n < 5; n++) await change();
  await outage(
    () => server.kill(),
    () => server.restart(),
  );
  for (let n = 0; n < 5; n++) await change();
  await outage(
    () => proxy.cut(),
    () => proxy.restore(),
  );
  for (let n = 0; n < CHANGES - 15; n++) await change();

  // what it takes to lead does not grow with the terms
  await eventually(() => (resources().Timeout ?? 0) <= (early.Timeout ?? 0), {
    what: `no more timers than ${early.Timeout}, now ${resources().Timeout}`,
  });
  expect(getEventListeners(signal, "abort")).toHaveLength(SERVICES);
  controller.abort();
  await Promise.all(services);
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(inside).toBe(0);
  await Promise.all(etcds.map((etcd) => etcd.close()));
  expect(await inLine()).toBe(0);
  await eventually(() => proxy.connections === 0, { what: "no connection to etcd" });
  await eventually(() => isDeepStrictEqual(resources(), before)).catch(() => {
    expect(resources()).toEqual(before);
  });

  expect(most.inside).toBe(1);
  expect(tokens.length).toBeGreaterThanOrEqual(CHANGES + 4);
  expect(tokens).toEqual([...tokens].sort((a, b) => Number(a - b)));
  expect(new Set(tokens).size).toBe(tokens.length);
  const ends = events.flatMap((event) => (event.type === "stopped" ? [event.why] : []));
  expect(ends.filter((why) => why === "lost").length).toBeGreaterThanOrEqual(3);
  expect(ends.filter((why) => why === "done").length).toBeGreaterThanOrEqual(CHANGES);
  expect(ends.filter((why) => why === "failed")).toEqual([]);
  expect(rejections).toEqual([]);
  expect(warnings.filter(({ name }) => name !== "ExperimentalWarning")).toEqual([]);
});
