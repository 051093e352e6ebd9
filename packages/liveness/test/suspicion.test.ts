import { internals } from "@etcdkit/core/internal";
import { Group } from "@etcdkit/liveness";
import { type EtcdServer, startEtcd, startProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { open } from "./connect.js";
import { Observer } from "./observe.js";

// Members behind a proxy that falls silent, and an observer that reaches etcd.

const TTL = 5;

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server.stop());

async function stage(name: string, { silent, others }: { silent: number; others: number }) {
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const group = new Group(open({ hosts: server.endpoints }), name);
  const behind = new Group(open({ hosts: [proxy.endpoint] }), name);
  const join = (of: Group, prefix: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, n) => of.join({ id: `${prefix}${n}`, ttl: TTL })),
    );
  await join(behind, "silent", silent);
  await join(group, "other", others);
  const observer = new Observer(group);
  await eventually(() => observer.events.length === silent + others);
  const since = () => observer.words().slice(silent + others);
  return { group, proxy, observer, since };
}

test("two of ten are suspected, and die; the others are left alone", async () => {
  const { proxy, observer, since } = await stage("few", { silent: 2, others: 8 });
  proxy.stall();
  await observer.heard("died silent0", TTL * 1_000 + 2_000);
  await observer.heard("died silent1");
  const of = (id: string) => since().filter((word) => word.endsWith(id));
  for (const id of ["silent0", "silent1"]) {
    expect(of(id)).toEqual([`suspected ${id}`, `died ${id}`]);
  }
  expect(since()).toHaveLength(4);
});

test("six of ten make the observer doubt itself, until they are back", async () => {
  const { proxy, observer, since } = await stage("many", { silent: 6, others: 4 });
  proxy.stall();
  const doubt = await observer.heard("observer-suspected", TTL * 1_000);
  expect(doubt.event).toMatchObject({ lookedAt: 10 });
  proxy.resume();
  await observer.heard("observer-recovered");
  expect(since().filter((word) => !word.startsWith("updated"))).toEqual([
    "observer-suspected",
    "observer-recovered",
  ]);
});

test("an observer that only looks finds the member that answers, when the one it asks is gone", async () => {
  const start = async () => {
    const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
    onTestFinished(() => proxy.close());
    return proxy;
  };
  const [one, two, silent] = [await start(), await start(), await start()];
  const etcd = open({ hosts: [one.endpoint, two.endpoint] });
  await new Group(open({ hosts: [silent.endpoint] }), "moved-on").join({ id: "silent", ttl: TTL });
  const observer = new Observer(new Group(etcd, "moved-on"));
  await observer.heard("joined silent");
  // as after a hiccup of the one that its watch goes on at
  const { members } = internals(etcd);
  members.failed(members.current);
  await (one.connections > 0 ? two : one).cut();
  silent.stall();
  await observer.heard("died silent", TTL * 1_000 + 2_000);
  expect(observer.words()).toEqual(["joined silent", "suspected silent", "died silent"]);
});

test("nobody looks at a lease who was told not to suspect", async () => {
  const count = async (name: string, method: string) => {
    const metrics = await server.get("/metrics");
    const line = new RegExp(`^${name}\\{.*grpc_method="${method}".*\\} (\\S+)$`, "m");
    return Number(line.exec(metrics)?.[1] ?? 0);
  };
  const looks = () => count("grpc_server_started_total", "LeaseTimeToLive");
  const renewals = () => count("grpc_server_msg_received_total", "LeaseKeepAlive");
  const group = new Group(open({ hosts: server.endpoints }), "unwatched");
  await Promise.all(["a", "b"].map((id) => group.join({ id, ttl: 2 })));
  const observer = new Observer(group, false);
  await observer.heard("joined b");
  const before = await looks();
  const suspecting = new Observer(group, { readsPerSecond: 10 });
  await eventually(async () => (await looks()) >= before + 2);
  await suspecting.stop();
  const later = await looks();
  // one who looks does so between two renewals
  const renewed = await renewals();
  await eventually(async () => (await renewals()) >= renewed + 6);
  expect(await looks()).toBe(later);
});
