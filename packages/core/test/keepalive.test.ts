import { ManualClock } from "@etcdkit/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { Deadline } from "../src/deadline.js";
import { type Etcd, EtcdFailure, type KeepAliveReply, type StreamEvents } from "../src/etcd.js";
import { KeepAlive } from "../src/keepalive.js";
import { Members } from "../src/members.js";
import { systemRandom } from "../src/random.js";

const TTL = 6;
const TTL_MS = TTL * 1_000;
/** For how long a renewal may go unanswered. */
const PATIENCE_MS = TTL_MS / 6;
const LEASE = 7n;
const OTHER = 8n;

/** A keep-alive stream whose other end is the test. */
class FakeStream {
  readonly asked: { lease: bigint; at: number }[] = [];
  cancelled = false;

  constructor(
    readonly events: StreamEvents<KeepAliveReply>,
    readonly clock: ManualClock,
  ) {}

  send(lease: bigint): void {
    this.asked.push({ lease, at: this.clock.now() });
  }

  close(): void {
    this.cancel();
  }

  cancel(): void {
    this.cancelled = true;
  }

  answer(lease = LEASE, ttl = TTL): void {
    if (!this.cancelled) this.events.message({ lease, ttl });
  }
}

let clock: ManualClock;
let streams: FakeStream[];
let members: Members;
let keepAlive: KeepAlive;
/** How many streams there were each time a member was asked to connect anew. */
let reconnected: number[];

beforeEach(() => {
  clock = new ManualClock(100_000);
  connectTo(2);
});

function connectTo(size: number): void {
  streams = [];
  reconnected = [];
  // all that a keep-alive asks of a member
  const member = {
    keepAlive: (events: StreamEvents<KeepAliveReply>) => {
      const stream = new FakeStream(events, clock);
      streams.push(stream);
      return stream;
    },
    reconnect: () => void reconnected.push(streams.length),
  } as unknown as Etcd;
  const all = Array.from({ length: size }, () => ({ ...member }));
  members = new Members(all, clock, systemRandom);
  keepAlive = new KeepAlive(members, clock);
}

/** A lease granted now, without a margin, whose first renewal is sent now. */
function renewed(id = LEASE, given: { ttlMs?: number; leftMs?: number } = {}) {
  const { ttlMs = TTL_MS, leftMs = ttlMs } = given;
  const lease = {
    id,
    ttlMs,
    deadline: new Deadline(clock, clock.now(), leftMs, 0),
    state: "connected",
    refusal: undefined as EtcdFailure | undefined,
    suspended: (is: boolean, refusal?: EtcdFailure) => {
      lease.state = is ? "suspended" : "connected";
      lease.refusal = refusal;
    },
    expired: () => {
      lease.state = "expired";
      keepAlive.remove(lease);
    },
    gone: () => {
      lease.state = "gone";
      keepAlive.remove(lease);
    },
  };
  keepAlive.add(lease, clock.now());
  clock.advance(0);
  return lease;
}

const stream = (index: number): FakeStream => {
  const found = streams[index];
  if (!found) throw new Error(`no stream ${index}`);
  return found;
};
const open = () => streams.filter(({ cancelled }) => !cancelled);

describe("an answer that comes later than a renewal may take", () => {
  it("counts from when its renewal was sent, though another stream has asked meanwhile", () => {
    const lease = renewed();
    const sentAt = clock.now();
    clock.advance(PATIENCE_MS);
    expect(lease.state).toBe("suspended");
    expect(streams).toHaveLength(2);
    expect(stream(1).asked).toEqual([{ lease: LEASE, at: sentAt + PATIENCE_MS }]);
    clock.advance(200);
    stream(0).answer();
    expect(lease.state).toBe("connected");
    expect(lease.deadline.at).toBe(sentAt + TTL_MS);
  });

  it("makes its stream the one again", () => {
    const lease = renewed();
    const sentAt = clock.now();
    clock.advance(PATIENCE_MS + 200);
    stream(0).answer();
    expect(open()).toEqual([stream(0)]);
    clock.advance(TTL_MS / 3 - PATIENCE_MS);
    expect(stream(0).asked).toHaveLength(2);
    expect(stream(0).asked[1]?.at).toBeLessThanOrEqual(sentAt + TTL_MS / 3);
    expect(lease.state).toBe("connected");
  });

  it("counts for nothing that only another stream was asked", () => {
    const lease = renewed();
    clock.advance(PATIENCE_MS);
    const other = renewed(OTHER);
    const grantedUntil = other.deadline.at;
    expect(stream(1).asked.map((asked) => asked.lease)).toEqual([LEASE, OTHER]);
    clock.advance(200);
    stream(0).answer(OTHER);
    expect(other.deadline.at).toBe(grantedUntil);
    // but the stream it came by shows life: what the other one alone was asked is asked there
    clock.advance(20);
    expect(open()).toEqual([stream(0)]);
    expect(stream(0).asked.map((asked) => asked.lease)).toEqual([LEASE, OTHER]);
    const sentAt = clock.now();
    stream(0).answer(OTHER);
    expect(other.deadline.at).toBeGreaterThan(sentAt + TTL_MS - 50);
    expect(lease.state).toBe("suspended");
  });

  it("finds its stream given up where a later one has answered", () => {
    const lease = renewed();
    const sentAt = clock.now();
    clock.advance(PATIENCE_MS + 200);
    stream(1).answer();
    expect(open()).toEqual([stream(1)]);
    expect(lease.deadline.at).toBe(sentAt + PATIENCE_MS + TTL_MS);
  });

  it("is still heard after almost half the TTL", () => {
    const lease = renewed();
    const sentAt = clock.now();
    clock.advance(3 * PATIENCE_MS - 1);
    expect(open()).toHaveLength(3);
    stream(0).answer();
    expect(lease.deadline.at).toBe(sentAt + TTL_MS);
    expect(open()).toEqual([stream(0)]);
  });

  it("is waited for on three streams at most", () => {
    renewed(LEASE, { ttlMs: 60_000 });
    clock.advance(10_000);
    expect(streams.length).toBeGreaterThan(5);
    expect(open()).toEqual(streams.slice(-3));
  });

  it("every time, of whatever length up to half the TTL, loses nothing", () => {
    for (const roundTripMs of [PATIENCE_MS * 1.2, PATIENCE_MS * 2.2, PATIENCE_MS * 2.9]) {
      const lease = renewed();
      const answered = new Map<FakeStream, number>();
      for (let step = 0; step < 3_000; step++) {
        clock.advance(20);
        for (const one of open()) {
          const count = answered.get(one) ?? 0;
          const next = one.asked[count];
          if (next === undefined || clock.now() < next.at + roundTripMs) continue;
          answered.set(one, count + 1);
          one.answer(next.lease);
        }
      }
      expect(lease.state).not.toBe("expired");
      keepAlive.remove(lease);
    }
  });
});

it("an answer owed to a lease from before it was let go acknowledges nothing newer when it is taken up again", () => {
  renewed(OTHER);
  const former = renewed();
  const sentAt = clock.now();
  clock.advance(500);
  keepAlive.remove(former);
  const adopted = renewed(LEASE, { leftMs: TTL_MS - 1_000 });
  stream(0).answer();
  expect(adopted.deadline.at).toBe(sentAt + TTL_MS);
  stream(0).answer();
  expect(adopted.deadline.at).toBe(sentAt + 500 + TTL_MS);
});

describe("a stream beside one that is silent", () => {
  it("goes over another connection where both are of one member", () => {
    connectTo(1);
    renewed();
    clock.advance(PATIENCE_MS);
    expect(reconnected).toEqual([1]);
    expect(streams).toHaveLength(2);
    clock.advance(200);
    stream(1).answer();
    clock.advance(TTL_MS / 3);
    expect(reconnected).toEqual([1]);
  });

  it("goes over another connection once each member was silent", () => {
    renewed();
    clock.advance(PATIENCE_MS);
    expect(streams).toHaveLength(2);
    expect(reconnected).toEqual([]);
    clock.advance(PATIENCE_MS + 20);
    expect(streams).toHaveLength(3);
    expect(reconnected).toEqual([2]);
  });
});

describe("in a process that stands still again and again", () => {
  /** What is due meanwhile runs late. */
  function standStill(ms: number): void {
    clock.jump(ms);
    clock.advance(0);
  }

  it("a stream that is dead is left for another one all the same", () => {
    const lease = renewed();
    for (let n = 0; n < 7; n++) standStill(700);
    expect(lease.state).toBe("suspended");
    expect(streams.length).toBeGreaterThan(1);
  });

  it("a stream whose answers lie in the socket is not", () => {
    const lease = renewed();
    const states = new Set<string>();
    let answered = 0;
    for (let n = 0; n < 20; n++) {
      const asked = stream(0).asked.length;
      standStill(PATIENCE_MS + 400);
      states.add(lease.state);
      // read once the timers that were due have run
      for (; answered < asked; answered++) stream(0).answer();
      clock.advance(20);
    }
    expect(states).toEqual(new Set(["connected"]));
    expect(streams).toHaveLength(1);
  });
});

describe("the end of a stream", () => {
  const ended = new EtcdFailure("unavailable", "ended by the test");

  it("that was given up changes nothing", () => {
    renewed();
    clock.advance(PATIENCE_MS);
    stream(0).events.end(ended);
    clock.advance(200);
    expect(streams).toHaveLength(2);
    stream(1).answer();
    expect(open()).toContain(stream(1));
  });

  it("leaves those before it, and the first to answer goes on", async () => {
    const lease = renewed();
    const sentAt = clock.now();
    clock.advance(PATIENCE_MS);
    stream(1).events.end(ended);
    stream(0).answer();
    await Promise.resolve();
    clock.advance(TTL_MS / 3 - PATIENCE_MS);
    expect(lease.deadline.at).toBe(sentAt + TTL_MS);
    expect(stream(0).asked).toHaveLength(2);
    expect(streams).toHaveLength(2);
  });

  it("is followed by another within a second, however often, and at once where it has answered", async () => {
    const lease = renewed(LEASE, { ttlMs: 60_000 });
    const end = async () => {
      streams.at(-1)?.events.end(ended);
      await Promise.resolve();
    };
    for (let times = 1; times <= 10; times++) {
      await end();
      clock.advance(1_000);
      expect(streams).toHaveLength(times + 1);
    }
    streams.at(-1)?.answer();
    await end();
    clock.advance(20);
    expect(streams).toHaveLength(12);
    expect(lease.deadline.at).toBeGreaterThan(clock.now());
  });
});

it("credentials that etcd does not accept are why a lease is suspended whose renewals go unanswered", async () => {
  const refusal = new EtcdFailure("credentials", "refused by the test");
  const lease = renewed();
  const idle = renewed(OTHER);
  stream(0).answer(OTHER);
  stream(0).events.end(refusal);
  expect([lease.state, idle.state]).toEqual(["suspended", "connected"]);
  expect(lease.refusal).toBe(refusal);
  await Promise.resolve();
  clock.advance(PATIENCE_MS + 20);
  expect(lease.refusal).toBe(refusal);
  stream(1).answer();
  expect(lease.state).toBe("connected");
  clock.advance(TTL_MS / 3 + PATIENCE_MS + 20);
  expect(lease.state).toBe("suspended");
  expect(lease.refusal).toBeUndefined();
});

describe("a renewal that etcd refuses", () => {
  const refusal = new EtcdFailure("permission", "refused by the test");

  /** Turns the clock, with an etcd that answers in order, ends the stream where it refuses, and leaves the rest of it unread. */
  function turn(ms: number, refused: readonly bigint[], read = new Map<FakeStream, number>()) {
    for (let turned = 0; turned < ms; turned += 20) {
      clock.advance(20);
      for (const one of open()) {
        for (const { lease } of one.asked.slice(read.get(one))) {
          read.set(one, (read.get(one) ?? 0) + 1);
          if (!refused.includes(lease)) one.answer(lease);
          else {
            one.cancelled = true;
            one.events.end(refusal);
            break;
          }
        }
      }
    }
  }

  it("is asked for again at the next third of the TTL, after all others", () => {
    const refused = renewed();
    const other = renewed(OTHER);
    const sentAt = clock.now();
    const served = members.current;
    stream(0).events.end(refusal);
    expect(refused.state).toBe("suspended");
    expect(refused.refusal).toBe(refusal);
    clock.advance(PATIENCE_MS / 2);
    expect(stream(1).asked.map(({ lease }) => lease)).toEqual([OTHER]);
    stream(1).answer(OTHER);
    expect(other.deadline.at).toBeGreaterThan(sentAt + TTL_MS);
    clock.advance(TTL_MS / 3 - PATIENCE_MS / 2);
    expect(stream(1).asked.map(({ lease }) => lease)).toEqual([OTHER, OTHER, LEASE]);
    // etcd has answered, in its way
    expect(members.current).toBe(served);
    expect(streams).toHaveLength(2);
    stream(1).answer(OTHER);
    stream(1).answer(LEASE);
    expect(refused.state).toBe("connected");
    expect(refused.refusal).toBeUndefined();
  });

  it("is the oldest that the stream owes an answer", () => {
    const first = renewed();
    // an answer to any lease shows life, so that the stream is kept until the first is renewed once more
    for (let ms = 0; ms < TTL_MS / 3 - 500; ms += 500) {
      clock.advance(500);
      stream(0).answer(9n);
    }
    const refused = renewed(OTHER);
    clock.advance(500);
    expect(stream(0).asked.map(({ lease }) => lease)).toEqual([LEASE, OTHER, LEASE]);
    stream(0).answer();
    stream(0).events.end(refusal);
    expect([first.state, refused.state]).toEqual(["connected", "suspended"]);
  });

  it("costs its lease, and no other one", () => {
    const refused = renewed();
    const other = renewed(OTHER);
    turn(3 * TTL_MS, [LEASE]);
    expect([refused.state, other.state]).toEqual(["expired", "connected"]);
  });

  it("of many leases costs no other one", () => {
    const ids = Array.from({ length: 50 }, (_, index) => BigInt(index + 100));
    const refused = ids.map((id) => renewed(id));
    const other = renewed(OTHER);
    turn(3 * TTL_MS, ids);
    expect(new Set(refused.map(({ state }) => state))).toEqual(new Set(["expired"]));
    expect(other.state).toBe("connected");
  });

  it("takes no part in what follows from silence", () => {
    renewed();
    turn(TTL_MS / 3 - 200, [LEASE]);
    // the one that was refused on, and the one that was opened for the others
    expect(streams).toHaveLength(2);
  });
});

it("while every answer comes in time there is one stream, and none without a lease", () => {
  const lease = renewed();
  for (let step = 0; step < 100; step++) {
    clock.advance(TTL_MS / 30);
    const [one] = streams;
    if (one && one.asked.length > step / 10) one.answer();
  }
  expect(streams).toHaveLength(1);
  keepAlive.remove(lease);
  expect(open()).toEqual([]);
  expect(clock.pending).toBe(0);
});
