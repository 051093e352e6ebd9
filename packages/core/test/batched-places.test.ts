import { type EtcdServer, startEtcd, startProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { leaseHex } from "../src/keys.js";
import { Lease } from "../src/lease.js";
import type { Policy } from "../src/line.js";
import { enter, type Place } from "../src/place.js";

// Places in many lines, asked for on one connection, so that their transactions travel together.

const firstHolds: Policy = {
  kind: "test line",
  *holders(order) {
    for (const first of order) {
      yield first;
      return;
    }
  },
  belongs: () => true,
};

let server: EtcdServer;

beforeAll(async () => {
  // its own: its transactions are counted
  server = await startEtcd({ own: true });
});
afterAll(() => server.stop());

function open(hosts: string | string[] = server.endpoints): EtcdConnection {
  const connection = openConnection({ hosts }, new SystemClock());
  onTestFinished(() => connection.close());
  return connection;
}

function join(lease: Lease, name: string, signal?: AbortSignal): Promise<Place> {
  const line = lease.connection.lines.get(name, firstHolds);
  const key = `${name}/${leaseHex(lease.id)}`;
  return enter({ lease, line, key, value: Buffer.alloc(0), signal });
}

/** Transactions that the server has answered so far, by its own count. */
async function answered(): Promise<number> {
  const metrics = await server.get("/metrics");
  const lines = metrics.matchAll(/^grpc_server_handled_total\{.*grpc_method="Txn".*\} (\S+)$/gm);
  return [...lines].reduce((total, [, count]) => total + Number(count), 0);
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}/${n}`);

it("of 200 names with three contenders each, one at a time holds each", async () => {
  const lines = names("load", 200);
  const lease = await Lease.grant(open(), { ttl: 30 });
  // neither etcdkit nor its batches have to do with the counters: read, and written one higher, by a client of etcd3
  const outside = server.client();
  const counted = async (name: string) => (await outside.get(`count-of-${name}`).number()) ?? 0;
  const tokens = new Map<string, bigint[]>(lines.map((name) => [name, []]));
  const takeTurn = async (name: string) => {
    const place = await join(lease, name);
    tokens.get(name)?.push(place.createRevision);
    const count = await counted(name);
    await outside.put(`count-of-${name}`).value(count + 1);
    await place.release();
  };
  const before = await answered();
  await Promise.all(lines.flatMap((name) => [1, 2, 3].map(() => takeTurn(name))));
  const transactions = (await answered()) - before;
  const counts = await Promise.all(lines.map(counted));
  expect(counts).toEqual(lines.map(() => 3));
  for (const [first = 0n, second = 0n, third = 0n] of tokens.values()) {
    expect(first > 0n && second > first && third > second).toBe(true);
  }
  // one by one they would be two for each turn
  expect(transactions).toBeLessThan(lines.length * 3);
}, 60_000);

it("of those under way in one transaction, one whose time is over ends alone, and leaves no key", async () => {
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const lease = await Lease.grant(open(proxy.endpoint), { ttl: 30 });
  // warm, so that all there is to wait for is the one transaction
  await (await join(lease, "warm")).release();
  proxy.delay(300);
  const before = await answered();
  const limit = new AbortController();
  const cancelled = join(lease, "limited/0", limit.signal);
  const others = names("others", 9).map((name) => join(lease, name));
  await eventually(async () => (await answered()) > before, { everyMs: 5 });
  expect((await answered()) - before).toBe(1);
  // etcd has carried it out, and nobody has its answer yet
  limit.abort(new Error("too long"));
  await expect(cancelled).rejects.toThrow("too long");
  const places = await Promise.all(others);
  expect(places.map(({ held }) => held)).toEqual(places.map(() => true));
  proxy.delay(0);
  await eventually(async () => (await server.client().getAll().prefix("limited/").count()) === 0);
});
