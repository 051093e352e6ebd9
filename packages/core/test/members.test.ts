import { setImmediate as nextTurn } from "node:timers/promises";
import { startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { describe, expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { type Etcd, EtcdFailure } from "../src/etcd.js";
import { openMember } from "../src/etcd3.js";
import { Lease } from "../src/lease.js";
import { Members, type Patience } from "../src/members.js";
import { systemRandom } from "../src/random.js";

function open(hosts: string[]): EtcdConnection {
  const connection = openConnection({ hosts }, new SystemClock());
  onTestFinished(() => connection.close());
  return connection;
}

async function proxied() {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  return proxy;
}

/** How long one read takes, in milliseconds. */
async function read(connection: EtcdConnection, patience: Partial<Patience> = {}): Promise<number> {
  const key = Buffer.from("absent");
  const started = performance.now();
  await connection.call((etcd, call) => etcd.range({ key }, call), { what: "test", ...patience });
  return performance.now() - started;
}

it("members are begun with at any of them, since processes that start together should not all begin with the same", () => {
  const all = [{}, {}, {}] as Etcd[];
  const first = (fraction: number) => {
    const chance = { ...systemRandom, fraction: () => fraction };
    return all.indexOf(new Members(all, new SystemClock(), chance).current);
  };
  expect([0, 0.5, 0.99].map(first)).toEqual([0, 1, 2]);
});

describe("members of which one", () => {
  it("refuses connections: another one serves at once, and goes on serving", async () => {
    const live = sharedEtcd().endpoints[0] ?? "";
    const connection = open(["127.0.0.1:1", "127.0.0.1:2", live]);
    for (let n = 0; n < 3; n++) expect(await read(connection)).toBeLessThan(1_000);
  });

  it("falls silent: another one serves within 2 s, and is stuck to", async () => {
    const proxies = [await proxied(), await proxied()];
    const connection = open(proxies.map(({ endpoint }) => endpoint));
    await read(connection);
    const used = proxies.find(({ accepted }) => accepted > 0);
    const other = proxies.find(({ accepted }) => accepted === 0);
    used?.stall();
    expect(await read(connection)).toBeLessThan(2_000);
    expect(other?.accepted).toBe(1);
    used?.resume();
    const before = used?.bytes.up;
    for (let n = 0; n < 20; n++) await read(connection);
    expect(used?.bytes.up).toBe(before);
  });

  it("falls silent: what waits for its turn to be sent there goes to another one instead", async () => {
    const proxies = [await proxied(), await proxied()];
    const connection = open(proxies.map(({ endpoint }) => endpoint));
    await read(connection);
    proxies.find(({ accepted }) => accepted > 0)?.stall();
    const started = performance.now();
    const answers: Promise<unknown>[] = [];
    // more than may be under way at once, two at a time
    for (let turn = 0; turn < 6; turn++) {
      for (const scope of [`${turn}/a/`, `${turn}/b/`]) {
        const txn = { scope, compare: [], success: [], failure: [] };
        answers.push(connection.call((etcd, call) => etcd.txn(txn, call), { what: "test" }));
      }
      await nextTurn();
    }
    await Promise.all(answers);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("carries the lease stream and the watch stream falls silent: both go on within 2.5 s", async () => {
    const proxies = [await proxied(), await proxied()];
    const connection = open(proxies.map(({ endpoint }) => endpoint));
    const lease = await Lease.grant(connection, { ttl: 4 });
    let created = false;
    let events = 0;
    connection.watches.open(
      { key: Buffer.from(`watched/${lease.id}`) },
      {
        created: () => {
          created = true;
        },
        events: (batch) => {
          events += batch.length;
        },
        ended: ({ kind }) => expect(kind).toBe("closed"),
      },
    );
    await eventually(() => created);
    proxies.find(({ accepted }) => accepted > 0)?.stall({ discard: true });
    const stalledAt = performance.now();
    // what was answered before
    const { at } = lease.deadline;
    const put = { key: Buffer.from(`watched/${lease.id}`), value: Buffer.from("") };
    const txn = { compare: [], success: [{ put }], failure: [] };
    await connection.call((etcd, call) => etcd.txn(txn, call), { what: "test" });
    await eventually(() => events === 1);
    // renewed before it would have ended, by a stream to the other one
    await eventually(() => lease.deadline.at > at && lease.state === "connected");
    expect(performance.now() - stalledAt).toBeLessThan(2_500);
  });

  it("falls silent: a watch of the past is not taken there, and another one takes it within 2 s", async () => {
    const proxies = [await proxied(), await proxied()];
    const connection = open(proxies.map(({ endpoint }) => endpoint));
    await read(connection);
    proxies.find(({ accepted }) => accepted > 0)?.stall();
    const started = performance.now();
    await new Promise<unknown>((created, ended) => {
      const options = { key: Buffer.from("watched"), startRevision: 1n };
      connection.watches.open(options, { created, events: () => {}, ended });
    });
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe("a call that each of three members has left without an answer", () => {
  const request = { key: Buffer.from("absent") };
  const silent = () => new EtcdFailure("unavailable", "no answer");

  /** Three on one server. What each does with a call after the first, which none answers: null is to answer it. */
  function three(...later: (null | (() => Promise<never>))[]) {
    const [host = ""] = sharedEtcd().endpoints;
    const asked: number[] = [];
    const all = later.map((instead, index): Etcd => {
      const own = openMember({ hosts: host }, host);
      onTestFinished(() => own.close());
      const range: Etcd["range"] = async (...args) => {
        const first = !asked.includes(index);
        asked.push(index);
        if (first) throw silent();
        return await (instead?.() ?? own.range(...args));
      };
      return Object.assign(Object.create(own), { range });
    });
    return { asked, all, members: new Members(all, new SystemClock(), systemRandom) };
  }

  const frozen = () => new Promise<never>(() => {});
  const ask = (members: Members, more: Partial<Patience> = {}) =>
    members.call((etcd, call) => etcd.range(request, call), { what: "test", ...more });

  it("asks all at once, and goes on with the first that answers, whoever is silent still", async () => {
    const { members, all, asked } = three(frozen, null, frozen);
    let doubts = 0;
    const patience = { unanswered: () => doubts++ };
    expect((await ask(members, patience)).kvs).toEqual([]);
    expect([...asked.slice(0, 3)].sort()).toEqual([0, 1, 2]);
    expect(asked.slice(3)).toEqual([0, 1, 2]);
    // once for each that was silent, and for those that may yet do it
    expect(doubts).toBe(4);
    expect(members.current).toBe(all[1]);
    await ask(members);
    expect(asked.slice(6)).toEqual([1]);
  });

  it("is refused by the first that refuses it", async () => {
    const refused = new EtcdFailure("refused", "no");
    const { members } = three(frozen, frozen, () => Promise.reject(refused));
    await expect(ask(members)).rejects.toMatchObject({ code: "REFUSED" });
  });

  it("asks all once more where all are silent again, and ends knowing what the last one said", async () => {
    const { members, asked } = three(...Array(3).fill(() => Promise.reject(silent())));
    const told: unknown[] = [];
    const over = (last?: EtcdFailure) => {
      told.push(last?.message);
      return asked.length < 9 ? undefined : new Error("over", { cause: last });
    };
    await expect(ask(members, { over })).rejects.toMatchObject({
      message: "over",
      cause: silent(),
    });
    expect(told).toEqual([undefined, ...Array(11).fill("no answer")]);
    expect(asked.slice(3)).toEqual([0, 1, 2, 0, 1, 2]);
  });
});

describe("a call", () => {
  it("is given up when its signal aborts, and when it is over for another reason", async () => {
    const connection = open(["127.0.0.1:1"]);
    const stop = new AbortController();
    const stopped = read(connection, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    const over = new Error("over");
    await expect(read(connection, { over: () => over })).rejects.toBe(over);
  });

  it("that is given up before it was sent says nothing against its member", async () => {
    const connection = open([...sharedEtcd().endpoints, "127.0.0.1:1"]);
    await read(connection);
    const { current } = connection.members;
    const stop = new AbortController();
    const txn = { scope: "test/", compare: [], success: [], failure: [] };
    const patience = { what: "test", signal: stop.signal };
    // what travels in batches is sent at the end of this turn at the earliest
    const stopped = connection.call((etcd, call) => etcd.txn(txn, call), patience);
    stop.abort(new Error("enough"));
    await expect(stopped).rejects.toThrow("enough");
    expect(connection.members.current).toBe(current);
  });

  it("rejects when the connection is closed under it", async () => {
    const connection = open(["127.0.0.1:1"]);
    const closed = read(connection);
    const rejected = expect(closed).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    await connection.close();
    await rejected;
  });

  it("that etcd refuses says what it was about", async () => {
    const connection = open(sharedEtcd().endpoints);
    const put = { key: Buffer.from("big"), value: Buffer.alloc(4 << 20) };
    const txn = { compare: [], success: [{ put }], failure: [] };
    const refused = connection.call((etcd, call) => etcd.txn(txn, call), { what: "the big one" });
    await expect(refused).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("the big one"),
    });
  });
});
