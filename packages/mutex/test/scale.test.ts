import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { connect, Mutex, Session } from "../src/index.js";

/** Streams of one kind that are open on the server now, by its own count. */
async function openStreams(server: EtcdServer, method: string): Promise<number> {
  const metrics = await (await fetch(`http://${server.endpoints[0]}/metrics`)).text();
  const sum = (name: string) =>
    [...metrics.matchAll(new RegExp(`^${name}\\{.*grpc_method="${method}".*\\} (\\S+)$`, "gm"))]
      .map(([, count]) => Number(count))
      .reduce((total, count) => total + count, 0);
  return sum("grpc_server_started_total") - sum("grpc_server_handled_total");
}

it("a thousand sessions and a thousand waiting locks share one stream of each kind", async () => {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const names = Array.from({ length: 1_000 }, (_, n) => `lock/${n}`);

  await using holders = connect({ hosts: server.endpoints });
  const holder = await Session.open(holders, { ttl: 10 });
  const held = await Promise.all(names.map((name) => new Mutex(holder, name).lock()));

  await using etcd = connect({ hosts: server.endpoints });
  const sessions = await Promise.all(names.map(() => Session.open(etcd, { ttl: 10 })));
  const waiting = sessions.map((session, n) => new Mutex(session, names[n] ?? "").lock());
  const inLine = async () => await server.client().getAll().prefix("lock/").count();
  await eventually(async () => (await inLine()) === 2_000, { withinMs: 20_000 });

  // one of the holder's connection, one of the waiters'
  await eventually(async () => (await openStreams(server, "Watch")) === 2, { withinMs: 20_000 });
  // longer than the TTL: each has been renewed by then
  const until = performance.now() + 11_000;
  await eventually(() => performance.now() > until, { withinMs: 15_000 });
  expect(await openStreams(server, "LeaseKeepAlive")).toBe(2);
  expect(sessions.filter(({ state }) => state !== "connected")).toEqual([]);

  await Promise.all(held.map((lock) => lock.release()));
  const won = await Promise.all(waiting);
  expect(won.filter((lock) => !lock.held)).toEqual([]);
  expect(await openStreams(server, "Watch")).toBe(2);
}, 90_000);
