import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { connect, Mutex, Session } from "../src/index.js";
import { counted } from "./counted.js";

/** Streams of one kind that are open on the server now. */
async function openStreams(server: EtcdServer, method: string): Promise<number> {
  return (await counted(server, "started", method)) - (await counted(server, "handled", method));
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
  // or all would be told as unhandled beside what failed
  for (const one of waiting) one.catch(() => undefined);
  const inLine = async () => await server.client().getAll().prefix("lock/").count();
  await eventually(async () => (await inLine()) === 2_000, { withinMs: 20_000 });

  // one of the holder's connection, one of the waiters'
  await eventually(async () => (await openStreams(server, "Watch")) === 2, { withinMs: 20_000 });
  // four renewals of each take longer than the TTL
  const renewals = () => counted(server, "msg_received", "LeaseKeepAlive");
  await eventually(async () => (await renewals()) > 4 * sessions.length, {
    withinMs: 30_000,
    everyMs: 100,
  });
  expect(await openStreams(server, "LeaseKeepAlive")).toBe(2);
  // one that is owed an answer for longer than usual is "suspended" for so long, and one that was lost stays so
  const connected = () => sessions.filter(({ state }) => state === "connected").length;
  await eventually(() => connected() === sessions.length, { withinMs: 20_000 });

  await Promise.all(held.map((lock) => lock.release()));
  const won = await Promise.all(waiting);
  expect(won.filter((lock) => !lock.held)).toEqual([]);
  expect(await openStreams(server, "Watch")).toBe(2);
}, 90_000);
