import { setImmediate as nextTurn } from "node:timers/promises";
import { type EtcdServer, startEtcd, startProxy } from "@etcdkit/testing";
import { eventually, testPrefix } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { type ConnectOptions, type EtcdConnection, openConnection } from "../src/connection.js";
import type { Txn, TxnResult } from "../src/etcd.js";
import { Lease } from "../src/lease.js";

let server: EtcdServer;
let prefix: string;

beforeAll(async () => {
  server = await startEtcd({ own: true, args: ["--max-txn-ops=40"] });
});
afterAll(() => server.stop());

beforeEach(() => {
  prefix = testPrefix();
});

function open(options: Partial<ConnectOptions> = {}): EtcdConnection {
  const connection = openConnection({ hosts: server.endpoints, ...options }, new SystemClock());
  onTestFinished(() => connection.close());
  return connection;
}

/** Creates `key` under the scope it names, and counts what is there then. */
function create(name: string, value: Buffer = Buffer.alloc(0), lease = 0n): Txn {
  const key = Buffer.from(`${prefix}${name}/key`);
  return {
    scope: `${prefix}${name}/`,
    compare: [{ key, createRevision: 0n }],
    success: [{ put: { key, value, lease } }, { range: { key } }],
    failure: [{ range: { key } }],
  };
}

function send(connection: EtcdConnection, txn: Txn, signal?: AbortSignal): Promise<TxnResult> {
  return connection.call((etcd, call) => etcd.txn(txn, call), { what: "test", signal });
}

/** Transactions that the server has answered so far, by its own count. */
async function answered(of = server): Promise<number> {
  const metrics = await of.get("/metrics");
  const lines = metrics.matchAll(/^grpc_server_handled_total\{.*grpc_method="Txn".*\} (\S+)$/gm);
  return [...lines].reduce((total, [, count]) => total + Number(count), 0);
}

const names = (count: number) => Array.from({ length: count }, (_, n) => `name-${n}`);

describe("transactions asked for in one turn", () => {
  it("travel as one, and each has its own answer", async () => {
    const connection = open();
    await send(connection, create("name-3"));
    const before = await answered();
    const results = await Promise.all(names(20).map((name) => send(connection, create(name))));
    expect((await answered()) - before).toBe(1);
    expect(results.map(({ succeeded }) => succeeded)).toEqual(names(20).map((_, n) => n !== 3));
    for (const [n, { succeeded, revision, results: parts }] of results.entries()) {
      const [found] = parts[succeeded ? 1 : 0]?.range?.kvs ?? [];
      expect(found?.key.toString()).toBe(`${prefix}name-${n}/key`);
      if (succeeded) expect(found?.createRevision).toBe(revision);
    }
  });

  it("travel one by one where that is turned off", async () => {
    const connection = open({ groupCommit: false });
    const before = await answered();
    await Promise.all(names(20).map((name) => send(connection, create(name))));
    expect((await answered()) - before).toBe(20);
  });

  it("never travel together under one prefix, nor under two of which one begins the other", async () => {
    const connection = open();
    const scopes = ["a", "a", "a/b", "a"];
    const txns = scopes.map((scope, n): Txn => {
      const key = Buffer.from(`${prefix}${scope}/key-${n}`);
      const put = { key, value: Buffer.alloc(0) };
      return { scope: `${prefix}${scope}/`, compare: [], success: [{ put }], failure: [] };
    });
    const results = await Promise.all(txns.map((txn) => send(connection, txn)));
    expect(new Set(results.map(({ revision }) => revision)).size).toBe(4);
  });

  it("of which one names a lease that is gone all succeed but that one", async () => {
    const connection = open();
    const txns = names(10).map((name, n) => create(name, Buffer.alloc(0), n === 4 ? 12_345n : 0n));
    const outcomes = await Promise.allSettled(txns.map((txn) => send(connection, txn)));
    expect(outcomes.map(({ status }) => status)).toEqual(
      names(10).map((_, n) => (n === 4 ? "rejected" : "fulfilled")),
    );
    expect(outcomes[4]).toMatchObject({ reason: { kind: "lease-not-found" } });
  });

  it("of which one is too large all succeed but that one", async () => {
    const connection = open();
    const txns = names(10).map((name, n) => create(name, Buffer.alloc(n === 4 ? 2 << 20 : 10)));
    const outcomes = await Promise.allSettled(txns.map((txn) => send(connection, txn)));
    expect(outcomes.map(({ status }) => status)).toEqual(
      names(10).map((_, n) => (n === 4 ? "rejected" : "fulfilled")),
    );
    expect(outcomes[4]).toMatchObject({ reason: { code: "REFUSED" } });
  });

  it("of which one is for a key that its user may not touch all succeed but that one", async ({
    skip,
  }) => {
    const user = { name: "ann", password: "secret", prefix: `${prefix}name-` };
    await using secured = await startEtcd({ auth: { users: [user] } });
    const as = {
      hosts: secured.endpoints,
      auth: { username: user.name, password: user.password },
    };
    const nested = { compare: [], success: [{ txn: create("nested") }], failure: [] };
    const lets = await send(open({ ...as, groupCommit: false }), nested).catch(() => undefined);
    skip(lets !== undefined, `etcd ${secured.version} checks no permission in nested transactions`);
    const connection = open(as);
    const own = names(10).map((name) => create(name));
    const outside = create("elsewhere");
    const txns = own.toSpliced(4, 0, outside);
    const outcomes = await Promise.allSettled(txns.map((txn) => send(connection, txn)));
    expect(outcomes.map(({ status }) => status)).toEqual(
      txns.map((txn) => (txn === outside ? "rejected" : "fulfilled")),
    );
    expect(outcomes[4]).toMatchObject({ reason: { code: "PERMISSION_DENIED" } });
    const { kvs } = await secured.client().kv.range({ key: Buffer.from(`${prefix}elsewhere/key`) });
    expect(kvs).toEqual([]);
  });

  it("together larger than etcd takes are sent in several", async () => {
    const connection = open();
    const txns = names(10).map((name) => create(name, Buffer.alloc(400_000)));
    await Promise.all(txns.map((txn) => send(connection, txn)));
    // where so much takes longer than an attempt may, the next one finds its key
    expect(await server.client().getAll().prefix(prefix).count()).toBe(10);
  });

  it("together larger than this server takes are all answered, and less is sent at once from then on", async () => {
    await using small = await startEtcd({ own: true, args: ["--max-request-bytes=65536"] });
    const connection = open({ hosts: small.endpoints });
    const wave = (round: number) =>
      names(20).map((name) => send(connection, create(`${name}-${round}`, Buffer.alloc(5_000))));
    const first = await Promise.all(wave(1));
    expect(first.every(({ succeeded }) => succeeded)).toBe(true);
    const before = await answered(small);
    await Promise.all(wave(2));
    const sent = (await answered(small)) - before;
    expect(sent).toBeGreaterThan(1);
    expect(sent).toBeLessThanOrEqual(4);
  });

  it("of which one is what makes all of them too large are all carried out but that one", async () => {
    await using small = await startEtcd({ own: true, args: ["--max-request-bytes=65536"] });
    const connection = open({ hosts: small.endpoints });
    const before = await answered(small);
    const txns = names(11).map((name, n) => create(name, Buffer.alloc(n === 4 ? 100_000 : 10)));
    const outcomes = await Promise.allSettled(txns.map((txn) => send(connection, txn)));
    // the one of all that was refused, and each on its own
    expect((await answered(small)) - before).toBe(1 + txns.length);
    expect(outcomes.map(({ status }) => status)).toEqual(
      txns.map((_, n) => (n === 4 ? "rejected" : "fulfilled")),
    );
    expect(outcomes[4]).toMatchObject({ reason: { code: "REFUSED" } });
    expect(await small.client().getAll().prefix(prefix).count()).toBe(10);
  });

  it("more than the server takes in one are all answered, and fewer are sent from then on", async () => {
    const connection = open();
    const many = await Promise.all(names(60).map((name) => send(connection, create(name))));
    expect(many.every(({ succeeded }) => succeeded)).toBe(true);
    const before = await answered();
    const again = await Promise.all(names(60).map((name) => send(connection, create(name))));
    expect(again.some(({ succeeded }) => succeeded)).toBe(false);
    expect((await answered()) - before).toBe(2);
  });

  it("of which one is cancelled before it is sent go without it", async () => {
    const connection = open();
    const stop = new AbortController();
    const cancelled = send(connection, create("cancelled"), stop.signal);
    const sent = send(connection, create("sent"));
    stop.abort(new Error("enough"));
    await expect(cancelled).rejects.toThrow("enough");
    expect((await sent).succeeded).toBe(true);
    const key = Buffer.from(`${prefix}cancelled/key`);
    expect((await server.client().kv.range({ key })).kvs).toEqual([]);
  });
});

describe("transactions asked for while one is under way", () => {
  /** A server whose answers do not come until they are let through. */
  async function held(deadlineMs = 30_000) {
    const own = await startEtcd({ own: true });
    const proxy = await startProxy({ target: own.endpoints[0] ?? "" });
    onTestFinished(async () => {
      await proxy.close();
      await own.stop();
    });
    const connection = open({ hosts: proxy.endpoint });
    await send(connection, create("warm"));
    expect(await answered(own)).toBe(1);
    proxy.stall({ direction: "down" });
    return {
      /** Asks for these in one turn. */
      async ask(...scopes: string[]): Promise<Promise<TxnResult>[]> {
        const member = connection.members.current;
        const sent = scopes.map((scope) => member.txn(create(scope), { deadlineMs }));
        await nextTurn();
        return sent;
      },
      sent: async () => (await answered(own)) - 1,
      letThrough: () => proxy.resume(),
    };
  }

  it("wait for it, and travel together", async () => {
    const { ask, sent, letThrough } = await held();
    const results: Promise<TxnResult>[] = [];
    for (const name of names(24)) results.push(...(await ask(name)));
    letThrough();
    const [, ...others] = await Promise.all(results);
    expect(await sent()).toBe(2);
    expect(new Set(others.map(({ revision }) => revision)).size).toBe(1);
  });

  it("do not wait if one of them is for the same name, which no company could take along", async () => {
    const { ask, sent, letThrough } = await held();
    const results = await ask("line");
    results.push(...(await ask("one")), ...(await ask("other")), ...(await ask("line")));
    await eventually(async () => (await sent()) === 2);
    letThrough();
    const [, ...others] = await Promise.all(results);
    expect(new Set(others.map(({ revision }) => revision)).size).toBe(1);
  });

  it("do not wait if there are as many as may travel together", async () => {
    const { ask, sent, letThrough } = await held();
    const results = await ask("first");
    results.push(...(await ask(...names(125))));
    await eventually(async () => (await sent()) === 2);
    letThrough();
    await Promise.all(results);
    expect(await sent()).toBe(3);
  });

  it("are told at once that it had no answer, and were not sent", async () => {
    const { ask, sent } = await held(300);
    const [first] = await ask("first");
    const [one] = await ask("one");
    await expect(first).rejects.toMatchObject({ kind: "unavailable", sent: true });
    await expect(one).rejects.toMatchObject({ kind: "unavailable", sent: false });
    expect(await sent()).toBe(1);
  });

  it("wait all the same where four are under way", async () => {
    const { ask, sent, letThrough } = await held();
    const results: Promise<TxnResult>[] = [];
    for (let turn = 0; turn < 5; turn++) results.push(...(await ask("line")));
    results.push(...(await ask("other")));
    await eventually(async () => (await sent()) === 4);
    letThrough();
    const revisions = (await Promise.all(results)).map(({ revision }) => revision);
    expect(revisions[5]).toBe(revisions[4]);
    expect(await sent()).toBe(5);
  });
});

it("a transaction that is alone is not wrapped, and waits for nobody", async () => {
  const connection = open();
  const lease = await Lease.grant(connection, { ttl: 30 });
  const refused = send(connection, create("a", Buffer.alloc(0), lease.id + 1n));
  await expect(refused).rejects.toMatchObject({ kind: "lease-not-found" });
  const before = await answered();
  for (const name of names(5)) await send(connection, create(name));
  expect((await answered()) - before).toBe(5);
});
