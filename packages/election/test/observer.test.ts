import { type Connection, connect, Election, type Leader, Session } from "@etcdkit/election";
import { type EtcdServer, eventually, startCluster, startEtcd, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { leaderHistory, wordOf } from "./leader-history.js";
import { observing } from "./observing.js";
import { openSession } from "./open-session.js";

type Client = ReturnType<typeof testClient>;

/** Writes at random what elections are made of: candidates come, say something else, and go. Each key under `name/`. */
class Politics {
  #next = 0;
  #keys: string[] = [];
  #seed: number;
  /** Of the last write. */
  revision = 0n;

  constructor(
    readonly client: Client,
    readonly name: string,
    seed: number,
  ) {
    this.#seed = seed;
  }

  async go(writes: number): Promise<void> {
    for (let n = 0; n < writes; n++) {
      // one without an answer may have been done or not: history tells
      await this.#write().catch(() => n--);
    }
  }

  async #write(): Promise<void> {
    const at = Math.floor(this.#random() * this.#keys.length);
    // the first in line more often than chance has it
    const key = this.#keys[this.#random() < 0.5 ? 0 : at];
    const dice = this.#random();
    if (!key || dice < 0.35) {
      const created = `${this.name}/${(this.#next++).toString(16)}`;
      this.#keys.push(created);
      this.#did(await this.client.put(created).value(`born ${this.#next}`));
    } else if (dice < 0.6) {
      this.#did(await this.client.put(key).value(`says ${n36(this.#random())}`));
    } else if (dice < 0.9) {
      this.#did(await this.client.delete().key(key));
      this.#forget(key);
    } else {
      await this.#several(key);
    }
  }

  /** One revision with several changes: the first goes, the last speaks, a new one comes. */
  async #several(key: string): Promise<void> {
    const last = this.#keys.at(-1);
    const created = `${this.name}/${(this.#next++).toString(16)}`;
    this.#keys.push(created);
    const { client } = this;
    const { header } = await client
      .if(key, "Create", ">", 0)
      .then(
        client.delete().key(key),
        ...(last && last !== key ? [client.put(last).value("speaks")] : []),
        client.put(created).value("born beside others"),
      )
      .commit();
    this.#did({ header });
    this.#forget(key);
  }

  /** Only once its deletion was answered: it may lead for ever else. */
  #forget(key: string): void {
    this.#keys = this.#keys.filter((other) => other !== key);
  }

  #did({ header }: { header: { revision: string } }): void {
    this.revision = BigInt(header.revision);
  }

  #random(): number {
    // mulberry32
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}

function n36(random: number): string {
  return Math.floor(random * 1e9).toString(36);
}

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

test(`observers see the history of the election, through dead members, cut and silent streams (SEED=${seed})`, {
  timeout: 60_000,
}, async () => {
  await using cluster = await startCluster({ proxied: true });
  const { proxies, members } = cluster;
  const [witness] = members as [EtcdServer];
  const name = "election";
  const client = witness.client({
    // not of streams: etcd3's own watch loses events when it is cut, and it keeps the record here
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + 1_000 }),
  });
  const politics = new Politics(client, name, seed);
  const etcds = [0, 1, 2].map((_) => connect({ hosts: cluster.endpoints }));
  const all = etcds.map((etcd) => observing(Election.observer(etcd, name)));
  for (const { sees } of all) await sees(1, 15_000);
  const history = await leaderHistory(client, name);
  const caughtUp = async () => {
    const last = wordOf(await Election.observer(etcds[0] as Connection, name).leader());
    for (const { seen } of all) {
      await eventually(() => wordOf(seen.at(-1)) === last, { withinMs: 15_000, what: "the end" });
    }
  };

  const cutStreams = () => Promise.all(proxies.map((proxy) => proxy.reset()));
  /**
   * A member that an observer has its stream to, and not the witness. To be asked when all streams were cut just before, since
   * nothing else makes a connection anew; each cut moves the observers on by a member.
   */
  const observed = () =>
    eventually(
      async () => {
        await eventually(() => proxies.some(({ connections }) => connections > 0));
        const found = members.find((_, at) => at > 0 && (proxies[at]?.connections ?? 0) > 0);
        if (!found) await cutStreams();
        return found;
      },
      { withinMs: 15_000, what: "an observer on another member than the witness" },
    );
  let victim = witness;

  const faults = [
    cutStreams,
    async () => {
      victim = await observed();
      await victim.kill();
    },
    () => proxies.map((proxy) => proxy.stall({ discard: true })),
    () => proxies.map((proxy) => proxy.resume()),
    () => victim.restart(),
    () => Promise.all(proxies.map((proxy) => proxy.cut())),
    () => Promise.all(proxies.map((proxy) => proxy.restore())),
    async () => {
      victim = await observed();
      await victim.pause();
    },
    () => victim.resume(),
    cutStreams,
  ];
  for (const fault of faults) {
    const writing = politics.go(80);
    await fault();
    await writing;
  }
  // history that everybody has seen is no gap when it goes
  await caughtUp();
  await client.kv.compact({ revision: `${politics.revision}` });
  await cutStreams();
  await politics.go(40);
  await caughtUp();
  const words = await history.words(politics.revision);
  expect(words.length).toBeGreaterThan(200);
  for (const { seen, end } of all) {
    expect(seen.map(wordOf)).toEqual(["-", ...words]);
    await end();
  }
  await Promise.all(etcds.map((etcd) => etcd.close()));
});

test("what was compacted while the observer was away comes as one change", async () => {
  await using server = await startEtcd({ own: true });
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const etcd = connect({ hosts: proxy.endpoint });
  onTestFinished(() => etcd.close());
  const client = server.client();
  const put = async (key: string, value: string) =>
    BigInt((await client.put(`election/${key}`).value(value)).header.revision);
  const remove = (key: string) => client.delete().key(`election/${key}`).exec();
  const away = async (meanwhile: () => Promise<unknown>) => {
    await proxy.cut();
    await meanwhile();
    await client.kv.compact({ revision: `${await put("z", "a candidate behind")}` });
    await proxy.restore();
  };
  await put("a", "one");
  await put("z", "a candidate behind");
  const { sees, values } = observing(Election.observer(etcd, "election"));
  await sees(1);
  await put("a", "two");
  await sees(2);

  // several changes of the leader
  await away(async () => {
    await put("a", "three");
    await remove("a");
    await put("b", "never leads, as z was before it");
    await put("a", "back, at the end of the line");
  });
  await sees(3);
  await put("z", "three and a half");
  await sees(4);
  // nothing, as far as the leader goes: what is said behind it counts for nothing
  await away(async () => {
    await put("z", "three and a half");
    await remove("b");
  });
  await sees(5);
  // the leader alone speaks, twice
  await away(async () => {
    await put("z", "four");
    await put("z", "five");
  });
  await sees(6);
  await put("z", "the last word");
  await sees(7);
  expect(values()).toEqual([
    "one",
    "two",
    "a candidate behind",
    "three and a half",
    "a candidate behind",
    "a candidate behind",
    "the last word",
  ]);
});

test("a gap in which nothing changed for the leader is no change", async () => {
  await using server = await startEtcd({ own: true });
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const etcd = connect({ hosts: proxy.endpoint });
  onTestFinished(() => etcd.close());
  const client = server.client();
  await client.put("election/a").value("one");
  const { sees, values } = observing(Election.observer(etcd, "election"));
  await sees(1);
  // on the same stream: when it sees something again, so can the other
  const beside = observing(Election.observer(etcd, "beside"));
  await beside.sees(1);
  for (let round = 0; round < 3; round++) {
    await proxy.cut();
    await client.put("election/b").value("behind");
    const { header } = await client.put("elsewhere").value("");
    await client.kv.compact({ revision: header.revision });
    await proxy.restore();
    await client.put("beside/a").value("back");
    await beside.sees(2 * round + 2);
    await client.put("beside/a").value("and well");
    await beside.sees(2 * round + 3);
    await client.put("election/b").value("behind once more");
  }
  await client.put("election/a").value("two");
  await sees(2);
  expect(values()).toEqual(["one", "two"]);
});

test("an observer outlives the session it was begun with", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const { values, sees } = observing(new Election(session, name));
  await sees(1);
  await session.close();
  await new Election(await openSession(), name).campaign("another");
  await sees(2);
  expect(values()).toEqual(["-", "another"]);
});

test("an election between real candidates is seen by observers as it was", async () => {
  const name = `${testPrefix()}election`;
  const { connection } = await openSession();
  const { seen, sees } = observing(Election.observer(connection, name));
  await sees(1);
  const from = BigInt((await connection.client.put(`${name}-start`).value("")).header.revision);
  const sessions = await Promise.all([1, 2, 3, 4].map(() => openSession()));
  await Promise.all(
    sessions.map(async (session, index) => {
      const election = new Election(session, name);
      for (let term = 0; term < 10; term++) {
        const leadership = await election.campaign(`${index} campaigns ${term}`);
        await leadership.proclaim(`${index} leads ${term}`);
        await leadership.resign();
      }
    }),
  );
  const to = BigInt((await connection.client.put(`${name}/end`).value("end")).header.revision);
  const words = await (await leaderHistory(testClient(), name, from)).words(to);
  await eventually(() => seen.at(-1)?.key === `${name}/end`);
  expect(seen.map(wordOf)).toEqual(["-", ...words]);
  expect(words.length).toBeGreaterThan(80);
});

test("a slow reader misses nothing", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const election = new Election(session, name);
  const changes = election.observe()[Symbol.asyncIterator]();
  expect(await changes.next()).toEqual({ done: false, value: undefined });
  const leadership = await election.campaign("0");
  for (let n = 1; n <= 20; n++) await leadership.proclaim(`${n}`);
  const values: string[] = [];
  for (let n = 0; n <= 20; n++) values.push(`${(await changes.next()).value?.value}`);
  expect(values).toEqual(Array.from({ length: 21 }, (_, n) => `${n}`));
  // several at once
  const reads = [changes.next(), changes.next()];
  await leadership.proclaim("a");
  await leadership.proclaim("b");
  expect((await Promise.all(reads)).map(({ value }) => `${value?.value}`)).toEqual(["a", "b"]);
  await changes.return?.();
});

test("whoever stops reading leaves no watch behind", async () => {
  const [target = ""] = sharedEtcd().endpoints;
  await using proxy = await startProxy({ target });
  await using etcd = connect({ hosts: proxy.endpoint });
  const observer = Election.observer(etcd, `${testPrefix()}election`);
  // a connection without watches lets its stream go: nothing is asked of it any more
  const silent = async () => {
    let before = -1;
    await eventually(
      () => {
        const now = proxy.bytes.up;
        const same = now === before;
        before = now;
        return same;
      },
      { everyMs: 1_300, withinMs: 15_000, what: "silence" },
    );
  };

  for await (const leader of observer.observe()) {
    expect(leader).toBeUndefined();
    break;
  }
  await silent();

  const stop = new AbortController();
  const iterator = observer.observe({ signal: stop.signal })[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  // a return while a read waits ends both
  expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });

  const other = observer.observe({ signal: stop.signal })[Symbol.asyncIterator]();
  await other.next();
  const reading = other.next();
  stop.abort();
  expect(await reading).toEqual({ done: true, value: undefined });
  await silent();

  // aborted beforehand: no watch at all
  const { accepted } = proxy;
  for await (const _ of observer.observe({ signal: stop.signal })) throw new Error("told");
  expect(proxy.accepted).toBe(accepted);
});

test("one iterable can be read by several, each from its own beginning", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const changes = election.observe();
  const leadership = await election.campaign("one");
  const first = async (): Promise<Leader | undefined> => {
    for await (const leader of changes) return leader;
    return undefined;
  };
  expect(`${(await first())?.value}`).toBe("one");
  await leadership.proclaim("two");
  expect(`${(await first())?.value}`).toBe("two");
});

test("observing ends with an error when the connection is closed, after what was seen", async () => {
  const name = `${testPrefix()}election`;
  const etcd = connect({ hosts: sharedEtcd().endpoints });
  const election = new Election(await Session.open(etcd, { ttl: 5 }), name);
  const values: string[] = [];
  const reading = (async () => {
    for await (const leader of election.observe()) values.push(`${leader?.value ?? "-"}`);
  })();
  const failing = expect(reading).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  await eventually(() => values.length === 1);
  await election.campaign("one");
  await eventually(() => values.length === 2);
  await etcd.close();
  await failing;
  // the session goes before its connection does, and the leadership with it
  expect(values.join()).toMatch(/^-,one(,-)?$/);
});

test("observing without permission ends with an error", async () => {
  const user = { name: "worker", password: "secret", prefix: "inside/" };
  await using server = await startEtcd({ own: true, auth: { users: [user] } });
  const auth = { username: user.name, password: user.password };
  await using etcd = connect({ hosts: server.endpoints, auth });
  const outside = Election.observer(etcd, "outside/election");
  const reading = async () => {
    for await (const leader of outside.observe()) return leader;
    return undefined;
  };
  await expect(reading()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await expect(outside.leader()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  const inside = Election.observer(etcd, "inside/election");
  expect(await inside.leader()).toBeUndefined();
});
