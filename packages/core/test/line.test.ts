import { type EtcdServer, startEtcd, startProxy, type TcpProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { NEAR } from "../src/approach.js";
import { SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { leaseHex } from "../src/keys.js";
import { Lease } from "../src/lease.js";
import type { Policy } from "../src/line.js";
import { enter, type Place } from "../src/place.js";

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

let name: string;
let client: ReturnType<typeof testClient>;

beforeEach(() => {
  client = testClient();
  name = `${testPrefix()}line`;
});

function open(hosts: string | string[] = sharedEtcd().endpoints): EtcdConnection {
  const connection = openConnection({ hosts }, new SystemClock());
  onTestFinished(() => connection.close());
  return connection;
}

function grant(connection: EtcdConnection, ttl = 30): Promise<Lease> {
  return Lease.grant(connection, { ttl });
}

function join(lease: Lease, signal?: AbortSignal): Promise<Place> {
  const line = lease.connection.lines.get(name, firstHolds);
  return enter({
    lease,
    line,
    key: `${name}/${leaseHex(lease.id)}`,
    value: Buffer.alloc(0),
    signal,
  });
}

async function keys(): Promise<string[]> {
  return await client.getAll().prefix(`${name}/`).sort("Create", "Ascend").keys();
}

/** Joins, and is in line when this resolves. */
async function inLine(lease: Lease, signal?: AbortSignal): Promise<{ turn: Promise<Place> }> {
  const before = (await keys()).length;
  const turn = join(lease, signal);
  turn.catch(() => undefined);
  await eventually(async () => (await keys()).length > before);
  return { turn };
}

/** Puts a key of somebody else in line. */
async function stranger(suffix: string): Promise<void> {
  await client.put(`${name}/${suffix}`).value("");
}

describe("a line", () => {
  it("of many on one connection takes turns in order, each key once", async () => {
    const connection = open();
    const leases = await Promise.all(Array.from({ length: 20 }, () => grant(connection)));
    const tokens: bigint[] = [];
    let inside = 0;
    await Promise.all(
      leases.map(async (lease) => {
        for (let turn = 0; turn < 10; turn++) {
          const place = await join(lease);
          expect(++inside).toBe(1);
          tokens.push(place.createRevision);
          inside--;
          await place.release();
        }
      }),
    );
    expect(tokens).toHaveLength(200);
    expect(tokens).toEqual([...tokens].sort((a, b) => Number(a - b)));
    expect(await keys()).toEqual([]);
  });

  it("gives two calls of one lease two places", async () => {
    const lease = await grant(open());
    const first = await join(lease);
    const { turn } = await inLine(lease);
    expect(await keys()).toEqual([first.key, `${first.key}-1`]);
    await first.release();
    const second = await turn;
    expect(second.createRevision).toBeGreaterThan(first.createRevision);
    await second.release();
    const third = await join(lease);
    expect(third.key).toBe(first.key);
  });

  it("lets strangers' keys count", async () => {
    await stranger("operator");
    const { turn } = await inLine(await grant(open()));
    const raced = await Promise.race([turn, client.get("absent").exists()]);
    expect(raced).toBe(false);
    await client.delete().key(`${name}/operator`);
    expect((await turn).held).toBe(true);
  });

  it("is not fooled by a key that is deleted and made again: its place is at the end", async () => {
    const connection = open();
    const [first, waiter] = await Promise.all([grant(connection), grant(connection)]);
    const held = await join(first);
    const { turn } = await inLine(waiter);
    await held.release();
    const again = join(first);
    const second = await turn;
    await second.release();
    expect((await again).createRevision).toBeGreaterThan(second.createRevision);
  });

  it("does not take an older key of the same name for ours, while its deletion is not seen yet", async () => {
    await stranger("ours");
    const line = open().lines.get(name, firstHolds);
    const { header } = await client.put(`${name}/later`).value("");
    let turns = 0;
    const later = BigInt(header.revision) + 100n; // ours, made anew, as the watch will tell in a while
    const place = {
      id: `${name}/ours`,
      createRevision: later,
      turn: () => turns++,
      deleted: () => expect.unreachable(),
      failed: () => undefined,
    };
    line.retain();
    line.add(place);
    const seen = line.contenders();
    await client.delete().key(`${name}/later`);
    await seen;
    let caughtUp = false;
    line.add({
      id: `${name}/last`,
      createRevision: 0n,
      turn: () => undefined,
      deleted: () => {
        caughtUp = true;
      },
      failed: () => undefined,
    });
    await eventually(() => caughtUp);
    expect(turns).toBe(0);
    line.release();
  });

  it("forgets itself soon after the last has left", async () => {
    const connection = open();
    const [first, second] = await Promise.all([grant(connection), grant(connection)]);
    const held = await join(first);
    const { turn } = await inLine(second);
    await held.release();
    await (await turn).release();
    const line = connection.lines.get(name, firstHolds);
    await eventually(() => connection.lines.get(name, firstHolds) !== line);
    expect(line.followed).toBe(false);
  });
});

describe("a long line", () => {
  it("is not followed by those far behind, who still get their turn, in order", async () => {
    for (let n = 0; n < NEAR + 5; n++) await stranger(`${n}`.padStart(3, "0"));
    const connection = open();
    const { turn } = await inLine(await grant(connection));
    const line = connection.lines.get(name, firstHolds);
    let won = false;
    void turn.then(() => {
      won = true;
    });
    for (let n = 0; n < 5; n++) {
      expect(line.followed).toBe(false);
      await client.delete().key(`${name}/${`${n}`.padStart(3, "0")}`);
    }
    // NEAR ahead: one less, and it is near
    await client.delete().key(`${name}/005`);
    await eventually(() => line.followed);
    for (let n = 6; n < NEAR + 5; n++) {
      expect(won).toBe(false);
      await client.delete().key(`${name}/${`${n}`.padStart(3, "0")}`);
    }
    expect((await turn).held).toBe(true);
  });

  it("tells one far behind that its key was deleted", async () => {
    for (let n = 0; n < NEAR + 5; n++) await stranger(`${n}`);
    const lease = await grant(open());
    const { turn } = await inLine(lease);
    await client.delete().key(`${name}/${leaseHex(lease.id)}`);
    await expect(turn).rejects.toMatchObject({ code: "KEY_DELETED" });
  });
});

describe("on a server of its own, a waiter", () => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await startEtcd({ own: true });
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    client = server.client();
  });

  async function openProxy(): Promise<TcpProxy> {
    const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
    onTestFinished(() => proxy.close());
    return proxy;
  }

  /** All history goes, up to the arrival of another stranger. */
  async function compactAfter(suffix: string): Promise<void> {
    const { header } = await client.put(`${name}/${suffix}`).value("");
    await client.kv.compact({ revision: header.revision, physical: true });
  }

  const count = () => client.getAll().prefix(`${name}/`).count();

  it("that is far behind can cancel, which leaves no key and no watch", async () => {
    const watchers = async () => {
      const text = await (await fetch(`http://${server.endpoints[0]}/metrics`)).text();
      return Number(/^etcd_debugging_mvcc_watcher_total (\S+)/m.exec(text)?.[1]);
    };
    for (let n = 0; n < NEAR + 5; n++) await stranger(`${n}`);
    const stop = new AbortController();
    const turn = join(await grant(open(server.endpoints)), stop.signal);
    turn.catch(() => undefined);
    await eventually(async () => expect(await watchers()).toBeGreaterThan(0));
    stop.abort(new Error("enough"));
    await expect(turn).rejects.toThrow("enough");
    await eventually(async () => expect(await watchers()).toBe(0));
    await eventually(async () => (await count()) === NEAR + 5);
  });

  it("whose history was compacted unseen has no false turn, and follows on", async () => {
    const proxy = await openProxy();
    await stranger("1");
    await stranger("2");
    const { turn } = await inLine(await grant(open(proxy.endpoint)));
    let won = false;
    void turn.then(() => {
      won = true;
    });
    await proxy.cut();
    await client.delete().key(`${name}/1`);
    await compactAfter("3");
    await proxy.restore();
    // the next event shows that the view is whole again
    await eventually(() => proxy.accepted > 1);
    expect(won).toBe(false);
    await client.delete().key(`${name}/2`);
    await turn;
  });

  it("whose key was deleted while its history was compacted unseen is rejected", async () => {
    const proxy = await openProxy();
    await stranger("1");
    const lease = await grant(open(proxy.endpoint));
    const { turn } = await inLine(lease);
    await proxy.cut();
    await client.delete().key(`${name}/${leaseHex(lease.id)}`);
    await compactAfter("2");
    await proxy.restore();
    await expect(turn).rejects.toMatchObject({ code: "KEY_DELETED" });
  });

  it("behind a stranger goes on waiting when the server is killed and comes back", async () => {
    await server.client().put(`${name}/stranger`).value("");
    const connection = open(server.endpoints);
    let won = false;
    const turn = join(await grant(connection)).finally(() => {
      won = true;
    });
    turn.catch(() => undefined);
    const line = connection.lines.get(name, firstHolds);
    await eventually(() => line.followed);
    // on the same stream, and created after the line's
    let created = false;
    let heard = false;
    connection.watches.open(
      { key: Buffer.from(`${name}-told`) },
      {
        created: () => {
          created = true;
        },
        events: () => {
          heard = true;
        },
        ended: ({ kind }) => expect(kind).toBe("closed"),
      },
    );
    await eventually(() => created);
    await server.kill();
    await server.restart();
    await server.client().put(`${name}-told`).value("");
    await eventually(() => heard, { withinMs: 10_000, what: "news by the new stream" });
    expect(won).toBe(false);
    await server.client().delete().key(`${name}/stranger`);
    expect((await turn).held).toBe(true);
  });
});

describe("a lost reply", () => {
  it("to an enrolment is found out: the key is there once, and holds", async () => {
    const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
    onTestFinished(() => proxy.close());
    const lease = await grant(open(proxy.endpoint));
    const cut = proxy.breakAfter({ match: (chunk) => chunk.includes(name) });
    const joined = join(lease);
    await cut;
    const place = await joined;
    expect(place.held).toBe(true);
    expect(await keys()).toEqual([place.key]);
    const kv = (await client.kv.range({ key: Buffer.from(place.key) })).kvs[0];
    expect(kv?.create_revision).toBe(String(place.createRevision));
  });

  it("to the enrolment of a cancelled wait leaves no key", async () => {
    const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
    onTestFinished(() => proxy.close());
    const lease = await grant(open(proxy.endpoint));
    const stop = new AbortController();
    const cut = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "mute" });
    const joined = join(lease, stop.signal);
    joined.catch(() => undefined);
    await cut;
    await eventually(async () => (await keys()).length === 1);
    stop.abort(new Error("enough"));
    await expect(joined).rejects.toThrow("enough");
    await eventually(async () => (await keys()).length === 0);
    expect((await join(lease)).held).toBe(true);
  });

  it("to a release does not stop it", async () => {
    const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
    onTestFinished(() => proxy.close());
    const place = await join(await grant(open(proxy.endpoint)));
    const cut = proxy.breakAfter({ match: (chunk) => chunk.includes(name) });
    const released = place.release();
    await cut;
    await released;
    expect(await keys()).toEqual([]);
  });
});

it("a key that a late request made after its place was given up is swept away", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const lease = await grant(open(proxy.endpoint), 2);
  // the first attempt gets lost on its way
  proxy.stall({ direction: "up", discard: true });
  const joined = join(lease);
  await eventually(() => proxy.connections > 1);
  await proxy.cut();
  await proxy.restore();
  proxy.resume();
  const place = await joined;
  await place.release();
  // and arrives now
  const late = { key: Buffer.from(place.key), value: Buffer.alloc(0), lease: String(lease.id) };
  await client.kv.put(late);
  await eventually(async () => (await keys()).length === 0, { withinMs: 10_000 });
  expect(lease.state).toBe("connected");
});
