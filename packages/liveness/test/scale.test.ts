import { Group } from "@etcdkit/liveness";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open } from "./connect.js";
import { startMembers } from "./members.js";
import { Observer } from "./observe.js";

const PROCESSES = 4;
const EACH = 500;
const TTL = 12;
/** Which makes an observer doubt itself, by default. */
const SILENT_SHARE = 0.25;

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server.stop());

/** Streams of one kind that are open on the server now, by its own count. */
async function openStreams(method: string): Promise<number> {
  const metrics = await server.get("/metrics");
  const sum = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name}\\{.*grpc_method="${method}".*\\} (\\S+)$`, "gm"))]
      .map(([, count]) => Number(count))
      .reduce((total, count) => total + count, 0);
  return sum("grpc_server_started_total") - sum("grpc_server_handled_total");
}

test("of 2,000 members half stop at once, and each event is told once", {
  timeout: 150_000,
}, async () => {
  const hosts = server.endpoints;
  const group = new Group(open({ hosts }), "many");
  const observer = new Observer(group);
  const started = performance.now();
  const programs = await Promise.all(
    Array.from({ length: PROCESSES }, (_, n) => {
      const ids = Array.from({ length: EACH }, (_, m) => `${n}-${m}`);
      return startMembers({ hosts, name: "many", ids, ttl: TTL });
    }),
  );
  const seen = () => observer.present.size;
  await eventually(() => seen() === PROCESSES * EACH, { withinMs: 20_000 });
  const joinedMs = performance.now() - started;
  // nor had a process too little of the machine to renew
  const deaths = () => observer.seen.filter(({ event }) => event.type === "died");
  expect(deaths()).toEqual([]);
  const listed = performance.now();
  expect((await group.members()).size).toBe(PROCESSES * EACH);
  const listMs = performance.now() - listed;
  expect(await openStreams("Watch")).toBe(PROCESSES + 1);
  // each is opened with the first renewal
  await eventually(async () => (await openStreams("LeaseKeepAlive")) === PROCESSES);

  const killedAt = performance.now();
  for (const program of programs.slice(0, PROCESSES / 2)) program.process.kill("SIGKILL");
  const dead = (PROCESSES / 2) * EACH;
  await eventually(() => seen() <= PROCESSES * EACH - dead, { withinMs: TTL * 1_000 + 10_000 });
  const lastMs = (deaths().at(-1)?.at ?? 0) - killedAt;

  // those that live go on: nobody else dies, and nothing is told twice. What happened before is told before
  await group.join({ id: "marker" });
  await observer.heard("joined marker");
  const died = deaths().map(({ event }) => ("id" in event ? event.id : ""));
  expect(new Set(died).size).toBe(dead);
  expect(died).toHaveLength(dead);
  expect(died.filter((id) => !/^[01]-/.test(id))).toEqual([]);
  expect(observer.words()).toContain("observer-suspected");
  // one that was late just before may have been asked about already: then those are suspected who were silent by the end of that
  // inquiry, and they are fewer than the share of all that makes an observer doubt itself
  const suspected = observer.words().filter((word) => word.startsWith("suspected"));
  expect(suspected.length).toBeLessThan(PROCESSES * EACH * SILENT_SHARE);
  await eventually(async () => {
    expect(observer.fold()).toEqual(await group.members());
    return true;
  });
  console.log(
    `${PROCESSES * EACH} joined in ${joinedMs.toFixed(0)} ms (processes started), listed in ${listMs.toFixed(0)} ms; ` +
      `${suspected.length} suspected; the last of ${dead} deaths told ${lastMs.toFixed(0)} ms after the kill (TTL ${TTL} s)`,
  );
  // etcd revokes 500 leases each 500 ms (etcd, server/lease/lessor.go: leaseRevokeRate)
  expect(lastMs).toBeLessThan(TTL * 1_000 + 3_000);
});

test("2,000 members of one process join and leave on one stream of each kind", {
  timeout: 60_000,
}, async () => {
  const hosts = server.endpoints;
  const etcd = open({ hosts });
  const group = new Group(etcd, "one-process");
  const observer = new Observer(new Group(open({ hosts }), "one-process"), false);
  const watchesBefore = await openStreams("Watch");
  const ids = Array.from({ length: 2_000 }, (_, n) => `m${n}`);
  const started = performance.now();
  const members = await Promise.all(ids.map((id) => group.join({ id })));
  console.log(`2,000 joined in one process in ${(performance.now() - started).toFixed(0)} ms`);
  const seen = () => observer.present.size;
  await eventually(() => seen() === ids.length, { withinMs: 20_000 });
  expect(await openStreams("Watch")).toBeLessThanOrEqual(watchesBefore + 2);
  // opened with the first renewal, a sixth of the TTL after the first grant at the earliest; those of other processes have ended
  const leaseStreams = () => openStreams("LeaseKeepAlive");
  await eventually(async () => (await leaseStreams()) === 1, { withinMs: 20_000 });
  await Promise.all(members.slice(0, 1_000).map((member) => member.leave()));
  await etcd.close();
  await eventually(() => seen() === 0, { withinMs: 20_000 });
  const words = observer.words().filter((word) => !word.startsWith("updated"));
  expect(new Set(words).size).toBe(2 * ids.length);
  expect(words).toHaveLength(2 * ids.length);
  expect(words.filter((word) => word.startsWith("left"))).toHaveLength(ids.length);
  expect(await group.members().catch((error) => error.code)).toBe("CONNECTION_CLOSED");
  expect(observer.fold()).toEqual(new Map());
});

/** Reads of what is left of leases, by etcd's own count. */
async function readsOfLeases(): Promise<number> {
  const metrics = await server.get("/metrics");
  const line = /^grpc_server_started_total\{.*grpc_method="LeaseTimeToLive".*\} (\S+)$/m;
  return Number(line.exec(metrics)?.[1] ?? 0);
}

// Entries as members write them, a hundred on one lease: joining so many takes longer than all the rest. Nobody renews the leases,
// which are long; the watch suspects, and has begun to look at them.
test("10,000 members are listed, watched and looked at", { timeout: 60_000 }, async () => {
  const hosts = server.endpoints;
  const group = new Group(open({ hosts }), "ten-thousand");
  const client = server.client();
  const value = (id: string) =>
    JSON.stringify({ format: 1, id, incarnation: "one", metadata: {}, facts: {} });
  const ids = Array.from({ length: 10_000 }, (_, n) => `m${n}`);
  const write = async (some: string[]) => {
    const { ID } = await client.leaseClient.leaseGrant({ TTL: "600", ID: "0" });
    const puts = some.map((id) =>
      client.put(`ten-thousand/members/${id}`).value(value(id)).lease(ID),
    );
    await client
      .if("none", "Create", "==", 0)
      .then(...puts)
      .commit();
    return ID;
  };
  const firstLease = await write(ids.slice(0, 100));
  for (let from = 100; from < ids.length; from += 100) await write(ids.slice(from, from + 100));
  const members = await group.members();
  expect([...members.keys()].sort()).toEqual([...ids].sort());
  const readsBefore = await readsOfLeases();
  const observer = new Observer(group);
  await eventually(() => observer.events.length === ids.length, { withinMs: 10_000 });
  const looks = async () => (await readsOfLeases()) - readsBefore;
  await eventually(async () => (await looks()) >= 100, { withinMs: 20_000, everyMs: 50 });
  expect(observer.events).toHaveLength(ids.length);
  await write(["m1", "m2"]);
  await client.delete().key("ten-thousand/members/m1");
  await observer.heard("died m1");
  expect(observer.events).toHaveLength(ids.length + 3);
  // m2 has another one by now
  await client.leaseClient.leaseRevoke({ ID: firstLease });
  await eventually(() => observer.present.size === ids.length - 99);
  expect(observer.events).toHaveLength(ids.length + 3 + 98);
  expect(observer.fold()).toEqual(await group.members());
});
