import { type Connection, Group, type Member, type MemberEvent } from "@etcdkit/liveness";
import { Session } from "@etcdkit/session";
import { type EtcdServer, startEtcd, startProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Layout } from "../src/layout.js";
import { membersAmong } from "../src/roster.js";
import { open } from "./connect.js";
import { Observer } from "./observe.js";

// What a watch tells is the history of the group's keys, whatever else is written there and whatever happens on the way.

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server.stop());

const connection = () => open({ hosts: server.endpoints });

/** The members at a revision of the past, read by a client of its own. */
async function membersAt(name: string, revision: bigint) {
  const layout = new Layout(name);
  const range = { key: layout.range.key, range_end: layout.range.rangeEnd };
  const { kvs } = await server.client().kv.range({ ...range, revision: `${revision}` });
  const all = kvs.map((kv) => ({
    key: kv.key,
    value: kv.value,
    createRevision: BigInt(kv.create_revision),
    modRevision: BigInt(kv.mod_revision),
    version: BigInt(kv.version),
    lease: BigInt(kv.lease),
  }));
  return membersAmong(all, layout);
}

/** Chance that can be had again; what runs at the same time may draw from it in another order. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    // Lehmer's generator
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Does this and that, at random, on some connections; some members stay. */
async function commotion(
  name: string,
  connections: Connection[],
  steps: number,
  random: () => number,
): Promise<void> {
  const client = server.client();
  const groups = connections.map((etcd) => new Group(etcd, name));
  const pick = <T>(all: T[]) => all[Math.floor(random() * all.length)] as T;
  const members: Member[] = [];
  const acts = [
    async () => {
      const id = `m${Math.floor(random() * 10)}`;
      const takeOver = random() < 0.3;
      members.push(await pick(groups).join({ id, takeOver, metadata: { n: random() } }));
    },
    async () => pick(members)?.update({ n: random() }),
    async () => pick(members)?.leave(),
    async () => client.delete().key(`${name}/members/${pick(members)?.id}`),
    async () => client.put(`${name}/members/${pick(["x", "m1", "a/b", "", "a\n"])}`).value("?"),
    async () => {
      const info = (await groups[0]?.members())?.get(pick(members)?.id ?? "");
      if (info?.leaseId) await client.leaseClient.leaseRevoke({ ID: `${info.leaseId}` });
    },
  ];
  for (let step = 0; step < steps; step++) {
    const doing = Array.from({ length: 4 }, () => pick(acts)().catch(() => undefined));
    await Promise.all(doing);
  }
}

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

test(`at every revision the events add up to the members, through cut connections too (SEED=${seed})`, {
  timeout: 60_000,
}, async () => {
  const name = "random";
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const observers = [
    new Observer(new Group(connection(), name)),
    new Observer(new Group(open({ hosts: [proxy.endpoint] }), name)),
  ];
  const actors = [connection(), connection()];
  const random = seeded(1 + seed);
  const told = (observer: Observer) =>
    observer.events.filter((event) => "revision" in event).slice(observers.length);
  // by chance much of it is refused: then it goes on
  const fewest = () => Math.min(...observers.map((observer) => told(observer).length));
  for (let round = 0; round < 5 || fewest() <= 100; round++) {
    await commotion(name, actors, 20, random);
    proxy.reset();
  }
  const group = new Group(connection(), name);
  // those who live come back, and all is quiet then
  const [first] = observers as [Observer, Observer];
  await eventually(
    async () => {
      const members = await group.members();
      for (const observer of observers) expect(observer.fold()).toEqual(members);
      return true;
    },
    { withinMs: 15_000, everyMs: 300 },
  );
  const last = <T>(all: T[], count: number) => all.slice(-count);
  const both = fewest();
  expect(both).toBeGreaterThan(100);
  expect(last(told(observers[1] as Observer), both)).toEqual(last(told(first), both));

  const fold = new Map<string, unknown>();
  for (const [index, event] of first.events.entries()) {
    if (!("revision" in event)) continue;
    if (event.type === "joined" || event.type === "updated") fold.set(event.id, event.member);
    else fold.delete(event.id);
    const next = first.events.slice(index + 1).find((one) => "revision" in one);
    if (next && "revision" in next && next.revision === event.revision) continue;
    expect(fold).toEqual(await membersAt(name, event.revision));
  }
});

test("what is under the prefix but no entry of a member is not told, and harms nobody", async () => {
  const name = "strangers";
  const client = server.client();
  const group = new Group(connection(), name);
  await group.join({ id: "a" });
  const mine = JSON.parse((await client.get(`${name}/members/a`).string()) ?? "");
  const entry = (change: object) => JSON.stringify({ ...mine, id: "b", ...change });
  const strangers: [key: string | Buffer, value: string | Buffer][] = [
    ["b", ""],
    ["b", "null"],
    ["b", "[1]"],
    ["b", '"text"'],
    ["b", "{"],
    ["b", entry({ id: "c" })],
    ["b", entry({ format: 0 })],
    ["b", entry({ format: "1" })],
    ["b", entry({ incarnation: "" })],
    ["b", entry({ incarnation: 5 })],
    ["b", entry({ metadata: [] })],
    ["b", entry({ metadata: null })],
    ["b", Buffer.alloc(1_000_000, 0xff)],
    ["b", "[".repeat(100_000)],
    ["", entry({ id: "" })],
    ["b/c", entry({ id: "b/c" })],
    ["b/left/", ""],
    ["a/left/another", ""],
    ["a/left/a/b", ""],
    ["b\u0007", entry({ id: "b\u0007" })],
    [Buffer.from([0xff, 0xfe]), entry({})],
  ];
  const observer = new Observer(group);
  await observer.heard("joined a");
  for (const [key, value] of strangers) {
    const bytes = Buffer.concat([Buffer.from(`${name}/members/`), Buffer.from(key)]);
    await client.kv.put({ key: bytes, value: Buffer.from(value) });
    expect([...(await group.members()).keys()]).toEqual(["a"]);
    await client.kv.deleteRange({ key: bytes });
  }
  await client.put(`${name}/membersx`).value(entry({}));
  // what another version or another program writes is taken for what can be read of it
  const facts = { host: 5, pid: "1", addresses: ["1.2.3.4", 5], platform: "plan9" };
  await client.put(`${name}/members/b`).value(entry({ format: 2, facts, more: 1 }));
  const joined = await observer.heard("joined b");
  expect(joined.event).toMatchObject({ member: { id: "b", metadata: {}, leaseId: 0n } });
  const read = (await group.members()).get("b")?.facts;
  expect(read).toEqual({ addresses: ["1.2.3.4"], platform: "plan9" });
  expect(observer.words()).toEqual(["joined a", "joined b"]);
});

test("after a gap in the history the difference is told, and whether deaths were witnessed", async () => {
  const name = "gap";
  const client = server.client();
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const etcd = connection();
  const group = new Group(etcd, name);
  const join = (id: string) => group.join({ id });
  const [stays, updates, leaves] = [
    await join("stays"),
    await join("updates"),
    await join("leaves"),
  ];
  const dies = await Session.open(connection());
  const entry = { format: 1, id: "dies", incarnation: "one", metadata: {}, facts: {} };
  await client.put(`${name}/members/dies`).lease(`${dies.leaseId}`).value(JSON.stringify(entry));
  const changes = await join("changes");
  const observer = new Observer(new Group(open({ hosts: [proxy.endpoint] }), name));
  await eventually(() => observer.events.length === 5);

  await proxy.cut();
  await updates.update({ n: 1 });
  await leaves.leave();
  await changes.leave();
  await group.join({ id: "changes" });
  await dies.close();
  // of one that had the id before
  await client.put(`${name}/members/dies/left/another`).value("");
  await group.join({ id: "new" });
  const { header } = await client.put("any").value("");
  await client.kv.compact({ revision: header.revision });
  await proxy.restore();

  await observer.heard("joined new", 10_000);
  const now = await group.members();
  await eventually(() => observer.present.size === now.size);
  const later = observer.events.slice(5);
  const told = (id: string) => later.filter((event) => "id" in event && event.id === id);
  expect(told(stays.id)).toEqual([]);
  expect(told("updates")).toMatchObject([{ type: "updated", member: { metadata: { n: 1 } } }]);
  expect(told("leaves")).toMatchObject([{ type: "left" }]);
  expect(told("changes").map(({ type }) => type)).toEqual(["left", "joined"]);
  expect(told("dies")).toMatchObject([{ type: "died", witnessed: false }]);
});

test("a watch ends by its signal, by leaving the loop, and with the connection", async () => {
  const etcd = connection();
  const group = new Group(etcd, "ends");
  await group.join({ id: "a" });
  for await (const event of group.watch()) {
    expect(event).toMatchObject({ type: "joined", id: "a" });
    break;
  }
  const controller = new AbortController();
  const seen: MemberEvent[] = [];
  for await (const event of group.watch({ signal: controller.signal })) {
    seen.push(event);
    controller.abort();
  }
  expect(seen).toHaveLength(1);
  for await (const _ of group.watch({ signal: AbortSignal.abort() })) expect.unreachable();
  const observer = new Observer(group);
  await observer.heard("joined a");
  await etcd.close();
  expect(await observer.over).toMatchObject({ code: "CONNECTION_CLOSED" });
});

test("a watch that is waited for ends at once when it is returned from, and nothing of it stays", async () => {
  const watchers = async () => {
    const metrics = await server.get("/metrics");
    return Number(/^etcd_debugging_mvcc_watcher_total (\S+)$/m.exec(metrics)?.[1]);
  };
  // those of the tests before it end a moment after these
  await eventually(async () => (await watchers()) === 0);
  const events = new Group(connection(), "returns").watch()[Symbol.asyncIterator]();
  const waiting = events.next();
  await eventually(async () => (await watchers()) > 0);
  await events.return?.();
  expect(await waiting).toEqual({ value: undefined, done: true });
  expect(await events.next()).toEqual({ value: undefined, done: true });
  await eventually(async () => (await watchers()) === 0);
});

test("a watch can be read again, from the beginning", async () => {
  const group = new Group(connection(), "again");
  await group.join({ id: "a" });
  const watch = group.watch();
  for (let n = 0; n < 2; n++) {
    for await (const event of watch) {
      expect(event).toMatchObject({ type: "joined", id: "a" });
      break;
    }
  }
  expect.assertions(2);
});
