import { type EtcdServer, ManualClock, startEtcd, startProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Clock, SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { KeyDeletedError } from "../src/errors.js";
import type { EtcdFailure } from "../src/etcd.js";
import { openMember } from "../src/etcd3.js";
import { underPrefix } from "../src/keys.js";
import { Lease } from "../src/lease.js";
import type { Policy } from "../src/line.js";
import { Members } from "../src/members.js";
import { enter } from "../src/place.js";
import { systemRandom } from "../src/random.js";

const USER = { name: "worker", password: "secret", prefix: "inside/" };
const auth = { username: USER.name, password: USER.password };

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ auth: { users: [USER] } });
}, 60_000);
afterAll(() => server.stop());

function open(clock: Clock = new SystemClock(), hosts = server.endpoints): EtcdConnection {
  const connection = openConnection({ hosts, auth }, clock);
  onTestFinished(() => connection.close());
  return connection;
}

it("two members that are silent when they are asked for a token are left for another one", async () => {
  const target = server.endpoints[0] ?? "";
  await using first = await startProxy({ target });
  await using second = await startProxy({ target });
  first.stall();
  second.stall();
  const hosts = [first.endpoint, second.endpoint, target];
  const opened = hosts.map((host) => openMember({ hosts, auth }, host));
  const members = new Members(opened, new SystemClock(), { ...systemRandom, fraction: () => 0 });
  onTestFinished(() => members.close());
  const key = Buffer.from("inside/absent");
  const start = performance.now();
  await members.call((etcd, call) => etcd.range({ key }, call), { what: "test" });
  expect(performance.now() - start).toBeLessThan(3_000);
});

it("a lease with a key that the user may not read is adopted all the same", async () => {
  const connection = open();
  const former = await Lease.grant(connection, { ttl: 60 });
  former.orphan();
  await server.client().put("outside/leased").value("").lease(String(former.id));
  const adopted = await Lease.adopt(connection, former.id, {});
  expect(adopted.ttl).toBe(60);
  // nor may the user write that key, so that etcd renews the lease no more
  adopted.orphan();
});

describe("a watch that etcd refuses", () => {
  function record(connection: EtcdConnection, name: string) {
    const told: { created?: bigint; seen: string[]; ended?: EtcdFailure } = { seen: [] };
    const key = Buffer.from(name);
    const watch = connection.watches.open(
      { key },
      {
        created: (revision) => {
          told.created = revision;
        },
        events: (events) => told.seen.push(...events.map(({ kv }) => kv.value.toString())),
        ended: (failure) => {
          told.ended = failure;
        },
      },
    );
    return { told, watch };
  }

  it("ends as denied, and no other does", async () => {
    const connection = open();
    const first = record(connection, "inside/a");
    const refused = record(connection, "outside/x");
    const last = record(connection, "inside/b");
    await eventually(() => refused.told.ended);
    await eventually(() => first.told.created && last.told.created);
    expect(refused.told.ended?.kind).toBe("permission");
    await server.client().put("inside/b").value("1");
    await eventually(() => last.told.seen.length === 1);
    expect(first.told.ended).toBeUndefined();
  });

  it("after it was closed ends no other", async () => {
    const connection = open();
    const first = record(connection, "inside/c");
    await eventually(() => first.told.created);
    const closed = record(connection, "outside/x");
    closed.watch.close();
    const last = record(connection, "inside/d");
    await eventually(() => last.told.created ?? last.told.ended);
    expect(last.told.ended).toBeUndefined();
    await server.client().put("inside/d").value("1");
    await eventually(() => last.told.seen.length === 1);
    // its place was not kept for longer than its answer took: the next that is refused is told
    const refused = record(connection, "outside/y");
    await eventually(() => refused.told.ended);
    expect(refused.told.ended?.kind).toBe("permission");
    expect(closed.told).toEqual({ seen: [] });
  });
});

describe("a line that may not be read for a while", () => {
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
  const { key, rangeEnd } = underPrefix(USER.prefix);
  const permission = { key, range_end: rangeEnd };

  async function forbid(): Promise<void> {
    await server.client().auth.roleRevokePermission({ role: USER.name, ...permission });
  }
  async function allow(): Promise<void> {
    const perm = { permType: "Readwrite", ...permission } as const;
    await server.client().auth.roleGrantPermission({ name: USER.name, perm });
  }

  /** Holds, and its line could not be followed. */
  async function holdUnseen(clock: ManualClock, name: string) {
    onTestFinished(allow);
    const connection = open(clock);
    const lease = await Lease.grant(connection, { ttl: 3_600 });
    const line = connection.lines.get(name, firstHolds);
    const place = await enter({ lease, line, key: `${name}/a`, value: Buffer.alloc(0) });
    await forbid();
    // long enough for the holder to begin to follow
    clock.advance(250);
    expect(line.followed).toBe(true);
    await eventually(() => !line.followed);
    return { lease, line, place };
  }

  it("tells its holder of a deleted key once it may be read again", async () => {
    const clock = new ManualClock();
    const { line, place } = await holdUnseen(clock, "inside/line");
    expect(place.held).toBe(true);
    clock.advance(5_000);
    expect(line.followed).toBe(true);
    await eventually(() => !line.followed);
    await allow();
    await server.client().delete().key(place.key);
    clock.advance(5_000);
    await eventually(() => place.signal.aborted);
    expect(place.signal.reason).toBeInstanceOf(KeyDeletedError);
  });

  it("is not tried again once nobody holds there", async () => {
    const clock = new ManualClock();
    const { lease, line, place } = await holdUnseen(clock, "inside/left");
    await allow();
    const before = clock.pending;
    await place.release();
    expect(clock.pending).toBe(before - 1);
    clock.advance(5_000);
    expect(line.followed).toBe(false);
    await lease.close();
    expect(clock.pending).toBe(0);
  });
});
