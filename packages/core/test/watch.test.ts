import { type EtcdServer, startEtcd, startProxy, type TcpProxy } from "@etcdkit/testing";
import { eventually, testPrefix } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import type { EtcdFailure, WatchEvent } from "../src/etcd.js";
import { underPrefix } from "../src/keys.js";
import type { WatchOptions } from "../src/watch.js";

let server: EtcdServer;
let proxy: TcpProxy;
let direct: EtcdConnection;
let connection: EtcdConnection;
let prefix: string;

beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server.stop());

beforeEach(async () => {
  prefix = testPrefix();
  proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  direct = openConnection({ hosts: server.endpoints }, new SystemClock());
  connection = openConnection({ hosts: proxy.endpoint }, new SystemClock());
  onTestFinished(async () => {
    await connection.close();
    await direct.close();
    await proxy.close();
  });
});

/** Watches and keeps all that it is told. */
function record(options: WatchOptions) {
  const seen: WatchEvent[] = [];
  const told: { created?: bigint; ended?: EtcdFailure } = {};
  const watch = connection.watches.open(options, {
    created: (revision) => {
      expect(told.created).toBeUndefined();
      told.created = revision;
    },
    events: (events) => seen.push(...events),
    ended: (failure) => {
      told.ended = failure;
    },
  });
  return { seen, told, watch, revisions: () => seen.map((event) => event.kv.modRevision) };
}

async function put(key: string, value = ""): Promise<bigint> {
  const op = { put: { key: Buffer.from(key), value: Buffer.from(value) } };
  const txn = { compare: [], success: [op], failure: [] };
  const { revision } = await direct.call((etcd, call) => etcd.txn(txn, call), { what: "test" });
  return revision;
}

async function created(...watches: ReturnType<typeof record>[]): Promise<void> {
  await eventually(() => expect(watches.every(({ told }) => told.created)).toBe(true), {
    withinMs: 20_000,
  });
}

describe("a watch", () => {
  it("delivers each event once and in order through resets of the stream", async () => {
    const all = record(underPrefix(prefix));
    await created(all);
    const revisions: bigint[] = [];
    for (let n = 0; n < 600; n++) {
      revisions.push(await put(`${prefix}${n % 7}`));
      if (n % 150 === 75) proxy.reset();
    }
    await eventually(() => expect(all.seen.length).toBeGreaterThanOrEqual(600));
    expect(all.revisions()).toEqual(revisions);
  });

  it("that has seen nothing yet resumes from where it was created, not from its next stream", async () => {
    const all = record(underPrefix(prefix));
    await created(all);
    await proxy.cut();
    const missed = [await put(`${prefix}a`), await put(`${prefix}b`)];
    await proxy.restore();
    await eventually(() => expect(all.revisions()).toEqual(missed));
  });

  it("starts in the past where asked to", async () => {
    const first = await put(`${prefix}a`);
    const second = await put(`${prefix}b`);
    const all = record({ ...underPrefix(prefix), startRevision: first });
    await eventually(() => expect(all.revisions()).toEqual([first, second]));
  });

  it("joins the fragments of a revision too large for one message", async () => {
    const all = record(underPrefix(prefix));
    await created(all);
    // each put is 1 MiB; as history they come in one response, which etcd splits at 1.5 MiB
    await proxy.cut();
    const big = "x".repeat(1 << 20);
    const revisions: bigint[] = [];
    for (let n = 0; n < 8; n++) revisions.push(await put(`${prefix}${n}`, big));
    await proxy.restore();
    await eventually(() => expect(all.revisions()).toEqual(revisions), { withinMs: 10_000 });
  });

  it("ends as compacted when what it should resume from is gone, and no other does", async () => {
    const all = record(underPrefix(prefix));
    const other = record(underPrefix(`${prefix}other/`));
    await created(all, other);
    const before = await put(`${prefix}other/1`);
    await eventually(() => expect(other.revisions()).toEqual([before]));
    await proxy.cut();
    await put(`${prefix}lost`);
    const last = await put(`${prefix}other/2`);
    const client = server.client();
    await client.kv.compact({ revision: String(last), physical: true });
    await proxy.restore();
    await eventually(() => expect(all.told.ended?.kind).toBe("compacted"));
    await eventually(() => expect(other.told.ended?.kind).toBe("compacted"));
    const fresh = record(underPrefix(prefix));
    await created(fresh);
    const after = await put(`${prefix}new`);
    await eventually(() => expect(fresh.revisions()).toEqual([after]));
  });

  it("notices a half-open stream within 2.5 s and loses nothing by it", async () => {
    const all = record(underPrefix(prefix));
    await created(all);
    const accepted = proxy.accepted;
    proxy.stall({ discard: true });
    const stalledAt = Date.now();
    const missed = await put(`${prefix}a`);
    await eventually(() => expect(proxy.accepted).toBeGreaterThan(accepted), { withinMs: 2_500 });
    expect(Date.now() - stalledAt).toBeGreaterThan(800);
    proxy.resume();
    await eventually(() => expect(all.revisions()).toEqual([missed]), { withinMs: 5_000 });
  });

  it("keeps a quiet stream for as long as etcd answers its progress requests", async () => {
    const all = record(underPrefix(prefix));
    await created(all);
    const accepted = proxy.accepted;
    const bytes = proxy.bytes.down;
    // six progress requests, each answered
    await eventually(() => expect(proxy.bytes.down).toBeGreaterThan(bytes + 150), {
      withinMs: 10_000,
    });
    expect(proxy.accepted).toBe(accepted);
    expect(all.told.ended).toBeUndefined();
  });

  it("keeps a quiet stream that it has opened anew, though nobody writes any more", async () => {
    const all = record(underPrefix(prefix));
    await created(all);
    const before = proxy.accepted;
    proxy.reset();
    await eventually(() => expect(proxy.accepted).toBeGreaterThan(before));
    const accepted = proxy.accepted;
    const bytes = proxy.bytes.down;
    await eventually(() => expect(proxy.bytes.down).toBeGreaterThan(bytes + 400), {
      withinMs: 10_000,
    });
    expect(proxy.accepted).toBe(accepted);
    const revision = await put(`${prefix}a`);
    await eventually(() => expect(all.revisions()).toEqual([revision]));
  });

  describe("that is quiet", () => {
    /** What is told of the stream's progress, and before how many creations were answered. */
    let told: { revision: bigint; created: number }[];

    beforeEach(() => {
      told = [];
      let created = 0;
      const member = connection.members.current;
      const watch = member.watch.bind(member);
      member.watch = ({ message, end }) =>
        watch({
          message: (reply) => {
            if (reply.created) created++;
            else if (reply.id === -1n) told.push({ revision: reply.revision, created });
            message(reply);
          },
          end,
        });
    });

    /** What nobody watches is written, and compacted once progress was told beyond it. */
    async function compactUnderIt(meanwhile = async () => {}): Promise<void> {
      const written = await put(`elsewhere/${prefix}`);
      const toldOfIt = async () => {
        await meanwhile();
        return told.some(({ revision }) => revision >= written);
      };
      await eventually(toldOfIt, { withinMs: 10_000 });
      await server.client().kv.compact({ revision: String(written), physical: true });
    }

    /** Cuts the wire, writes two keys meanwhile, and says whether `all` was told of each. */
    async function cut(all: ReturnType<typeof record>): Promise<boolean> {
      await proxy.cut();
      const missed = [await put(`${prefix}a`), await put(`${prefix}b`)];
      await proxy.restore();
      await eventually(() => all.told.ended || all.seen.length === 2);
      if (!all.told.ended) expect(all.revisions()).toEqual(missed);
      return !all.told.ended;
    }

    const inOrder = () => told.every(({ created }) => created > 0);

    it("misses nothing where what was written meanwhile is compacted, or says so", async () => {
      const all = record(underPrefix(prefix));
      await created(all);
      await compactUnderIt();
      expect(await cut(all)).toBe(inOrder());
    });

    it("beside one that is never quiet misses as little", async () => {
      const all = record(underPrefix(prefix));
      const busy = record({ key: Buffer.from("busy") });
      await created(all, busy);
      await compactUnderIt(async () => void (await put("busy")));
      expect(busy.seen.length).toBeGreaterThan(10);
      expect(await cut(all)).toBe(inOrder());
    });

    it("tells of the progress without a watch only where it may be ahead of events", async () => {
      await created(record(underPrefix(prefix)));
      const [major = 0, minor = 0, patch = 0] = server.version.split(".").map(Number);
      const mended = major > 3 || minor > 5 || patch >= (minor === 5 ? 8 : 25);
      await eventually(() => told.length > 0, { withinMs: 5_000 });
      expect(inOrder()).toBe(mended);
    });
  });

  it("goes on when etcd is killed and comes back", async () => {
    const all = record(underPrefix(prefix));
    await created(all);
    await server.kill();
    await server.restart();
    const revision = await put(`${prefix}a`);
    await eventually(() => expect(all.revisions()).toEqual([revision]), { withinMs: 10_000 });
  });

  it("says no more after it is closed, and the stream ends with the last one", async () => {
    const one = record(underPrefix(prefix));
    const two = record(underPrefix(prefix));
    await created(one, two);
    one.watch.close();
    const revision = await put(`${prefix}a`);
    await eventually(() => expect(two.revisions()).toEqual([revision]));
    expect(one.seen).toEqual([]);
    two.watch.close();
    const metrics = async () => {
      const text = await (await fetch(`http://${server.endpoints[0]}/metrics`)).text();
      return Number(/^etcd_debugging_mvcc_watcher_total (\S+)/m.exec(text)?.[1]);
    };
    await eventually(async () => expect(await metrics()).toBe(0));
  });

  it("that its user may not open for want of a name ends as a call there would", async () => {
    await using secured = await startEtcd({
      own: true,
      auth: { rootPassword: "secret", users: [] },
    });
    const nobody = openConnection({ hosts: secured.endpoints }, new SystemClock());
    onTestFinished(() => nobody.close());
    const key = Buffer.from("key");
    const ended = await new Promise<EtcdFailure>((resolve) => {
      nobody.watches.open({ key }, { events: () => {}, ended: resolve });
    });
    expect(ended.kind).toBe("credentials");
    const read = nobody.members.current.range({ key }, { deadlineMs: 5_000 });
    await expect(read).rejects.toMatchObject({ kind: "credentials" });
  });

  it("creates ten thousand without waiting for one another, on one stream", async () => {
    proxy.delay(20); // each way: one by one they would take 400 s
    const many = Array.from({ length: 10_000 }, (_, n) =>
      record({ key: Buffer.from(`${prefix}${n}`) }),
    );
    await created(...many);
    expect(proxy.accepted).toBe(1);
    const revision = await put(`${prefix}700`);
    await eventually(() => expect(many[700]?.revisions()).toEqual([revision]));
    expect(many.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(1);
  });
});
