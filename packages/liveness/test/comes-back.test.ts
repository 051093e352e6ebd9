import { type Connection, Group, type Member } from "@etcdkit/liveness";
import { type EtcdServer, startEtcd, startProxy, type TcpProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { open } from "./connect.js";
import { Observer } from "./observe.js";

// A member whose process lives is seen again, whatever was done to it.

const TTL = 2;

let server: EtcdServer;
let proxy: TcpProxy;
let etcd: Connection;
let group: Group;
let member: Member;
let observer: Observer;
let key: string;
let run = 0;

beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server.stop());

beforeEach(async () => {
  proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const name = `group-${++run}`;
  key = `${name}/members/a`;
  etcd = open({ hosts: [proxy.endpoint] });
  group = new Group(open({ hosts: server.endpoints }), name);
  observer = new Observer(group, false);
  member = await new Group(etcd, name).join({ id: "a", ttl: TTL, metadata: { n: 1 } });
  await observer.heard("joined a");
});

/** Waits until etcd has the member as it should be, and it is leased. */
async function back(metadata: object, withinMs = 10_000): Promise<void> {
  await eventually(
    async () => {
      const info = (await group.members()).get("a");
      expect(info).toMatchObject({ incarnation: member.incarnation, metadata });
      const left = await server.client().leaseClient.leaseTimeToLive({ ID: `${info?.leaseId}` });
      return Number(left.TTL) >= 0;
    },
    { withinMs },
  );
  await eventually(() => member.state === "joined");
  expect(member.signal.aborted).toBe(false);
}

test("when its key is deleted again and again, ever more slowly", async () => {
  await member.update({ n: 2 });
  const client = server.client();
  for (let n = 0; n < 5; n++) {
    await client.delete().key(key);
    await back({ n: 2 });
  }
  const lives = ["joined a", "died a"];
  await eventually(() => observer.words().at(-1) === "joined a");
  const again = observer.words().filter((word) => word !== "updated a");
  expect(again).toEqual([...lives, ...lives, ...lives, ...lives, ...lives, "joined a"]);
  const died = observer.seen.filter(({ event }) => event.type === "died").map(({ at }) => at);
  // at first at once; by the fifth time after more than 400 ms
  expect((died[4] ?? 0) - (died[3] ?? 0)).toBeGreaterThan(200);
});

describe("when its key is written by somebody who is no member", () => {
  test.each([
    ["nothing", ""],
    ["no JSON", "hello"],
    ["something else in JSON", '{"a":1}'],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0])],
  ])("%s", async (_, value) => {
    await server.client().put(key).value(value);
    await back({ n: 1 });
    expect(observer.words()).toEqual(["joined a", "died a", "joined a"]);
  });

  test("its own entry without a lease", async () => {
    const client = server.client();
    const value = await client.get(key).buffer();
    await client.put(key).value(value ?? "");
    await eventually(async () => (await group.members()).get("a")?.leaseId !== 0n);
    await back({ n: 1 });
    expect(new Set(observer.words().slice(1))).toEqual(new Set(["updated a"]));
  });
});

test("when etcd stood still until it was lost, with what it was told meanwhile", async () => {
  await server.pause();
  const updating = member.update({ n: 2 });
  await eventually(() => member.state === "suspended", { everyMs: 2 });
  await eventually(() => member.state === "lost");
  const newer = member.update({ n: 3 });
  // it tries to come back, in vain
  const sent = proxy.bytes.up;
  await eventually(() => proxy.bytes.up > sent);
  server.resume();
  await Promise.all([updating, newer]);
  await back({ n: 3 });
});

test("when it was cut off for longer than its TTL", async () => {
  await proxy.cut();
  await observer.heard("died a");
  const updating = member.update({ n: 2 });
  expect(member.state).toBe("lost");
  await proxy.restore();
  await updating;
  await back({ n: 2 });
  expect(observer.words()).toEqual(["joined a", "died a", "joined a"]);
});

test("when etcd was killed and started again, and nobody had died", {
  timeout: 90_000,
}, async () => {
  // on a machine so slow that the member is not back in time, it dies in truth: then again
  for (let attempt = 0; ; attempt++) {
    const before = observer.words().length;
    await server.kill();
    await eventually(() => member.state === "lost", { withinMs: 15_000 });
    const since = performance.now();
    await server.restart();
    await back({ n: 1 });
    const tookMs = performance.now() - since;
    // what happened before is told before
    await (await group.join({ id: "marker" })).leave();
    const toldNow = () => observer.words().slice(before);
    await eventually(() => toldNow().includes("left marker"), { withinMs: 15_000 });
    // etcd was away for longer than the TTL, but gives each lease the whole of it anew
    if (tookMs >= TTL * 1_000 && attempt < 4) continue;
    expect(new Set(toldNow())).toEqual(new Set(["updated a", "joined marker", "left marker"]));
    return;
  }
});

test("but not when it has left, whenever an attempt of its arrives", async () => {
  const client = server.client();
  // what it writes when its key is gone reaches etcd, but no answer comes back
  const broken = proxy.breakAfter({
    match: (chunk) => chunk.includes(key) && chunk.includes("incarnation"),
    how: "mute",
  });
  await client.delete().key(key);
  await broken;
  const leaving = member.leave();
  await proxy.reset();
  await leaving;
  const { kvs } = await client.getAll().prefix(`${key}`).exec();
  expect(kvs.map((kv) => String(kv.key)).filter((name) => name === key)).toEqual([]);
  await group.join({ id: "marker" });
  await observer.heard("joined marker");
  expect(observer.words("a").at(-1)).not.toBe("joined a");
});

describe("but not when another has said its goodbye, which it would have to deny", () => {
  const goodbye = () => `${key}/left/${member.incarnation}`;

  /** How many transactions etcd was asked for, by its own count. */
  async function transactions(): Promise<number> {
    const metrics = await server.get("/metrics");
    const line = /^grpc_server_started_total\{.*grpc_method="Txn".*\} (\S+)$/m;
    return Number(line.exec(metrics)?.[1] ?? 0);
  }

  test("beside its entry: it leaves with its next write", async () => {
    await server.client().put(goodbye()).value("");
    const before = await transactions();
    await expect(member.update({ n: 2 })).rejects.toMatchObject({ code: "LEFT" });
    await observer.heard("left a");
    expect(member.state).toBe("left");
    // the write, the goodbye, and again where others wrote meanwhile
    expect((await transactions()) - before).toBeLessThan(5);
  });

  test("in place of its entry: it has left", async () => {
    const client = server.client();
    const before = await transactions();
    await client
      .if(key, "Create", ">", 0)
      .then(client.delete().key(key), client.put(goodbye()).value(""))
      .commit();
    await eventually(() => member.signal.aborted);
    expect(member.signal.reason).toMatchObject({ code: "LEFT" });
    await member.leave();
    expect((await transactions()) - before).toBeLessThan(5);
    expect(observer.words()).toEqual(["joined a", "left a"]);
  });
});

test("leaving takes no longer than the lease has, though etcd is away", async () => {
  await proxy.cut();
  const since = performance.now();
  await member.leave();
  expect(performance.now() - since).toBeLessThan(TTL * 1_000 + 2_000);
  expect(member.state).toBe("left");
  await observer.heard("died a");
});
