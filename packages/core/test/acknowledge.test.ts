import { ManualClock } from "@etcdkit/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { Deadline } from "../src/deadline.js";
import {
  type Etcd,
  EtcdFailure,
  type KeepAliveReply,
  type KeepAliveStream,
  type StreamEvents,
} from "../src/etcd.js";
import { KeepAlive, type Renewable } from "../src/keepalive.js";
import { Members } from "../src/members.js";
import { systemRandom } from "../src/random.js";

// A member that answers when the test says so: which renewal a reply is for must not depend on how soon etcd is.
const TTL_S = 9;
const TTL_MS = TTL_S * 1_000;
const MARGIN_MS = 900;

class Stream implements KeepAliveStream {
  readonly #sent: { lease: bigint; at: number }[] = [];

  constructor(readonly events: StreamEvents<KeepAliveReply>) {}

  send(lease: bigint): void {
    this.#sent.push({ lease, at: clock.now() });
  }

  /** When renewals of `lease` were sent on this stream. */
  sendTimes(lease: bigint): number[] {
    return this.#sent.filter((each) => each.lease === lease).map(({ at }) => at);
  }

  close(): void {}

  cancel(): void {}

  answer(lease: bigint): void {
    this.events.message({ lease, ttl: TTL_S });
  }
}

let clock: ManualClock;
let streams: Stream[];
let keepAlive: KeepAlive;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  streams = [];
  const member = {
    keepAlive: (events: StreamEvents<KeepAliveReply>) => {
      const stream = new Stream(events);
      streams.push(stream);
      return stream;
    },
  };
  // of the member nothing else is asked
  const members = new Members([member as unknown as Etcd], clock, systemRandom);
  keepAlive = new KeepAlive(members, clock);
});

/** A lease granted now, renewed first after `renewInMs`. */
function renewed(id: bigint, renewInMs: number): Renewable {
  const lease: Renewable = {
    id,
    ttlMs: TTL_MS,
    deadline: new Deadline(clock, clock.now(), TTL_MS, MARGIN_MS),
    suspended: () => undefined,
    expired: () => undefined,
    gone: () => undefined,
  };
  keepAlive.add(lease, clock.now() + renewInMs);
  return lease;
}

const current = (): Stream => {
  const stream = streams.at(-1);
  if (!stream) throw new Error("no stream was opened");
  return stream;
};

/** What the deadline of a lease is that was last renewed by what was sent then. */
const deadlineOf = (sentAt = Number.NaN) => sentAt + TTL_MS - MARGIN_MS;

describe("the reply to a renewal", () => {
  it("counts for the oldest one that is not answered: the newer one may be lost yet", () => {
    const lease = renewed(1n, 1_000);
    const other = renewed(2n, 1_000);
    clock.advance(1_000);
    // the stream shows life by the other lease, so that it is kept, and the next renewal goes by it too
    for (let ms = 0; ms < 3_000; ms += 500) {
      clock.advance(500);
      current().answer(other.id);
    }
    expect(streams).toHaveLength(1);
    const [first, second, ...more] = current().sendTimes(lease.id);
    expect(more).toEqual([]);
    current().answer(lease.id);
    expect(lease.deadline.at).toBe(deadlineOf(first));
    current().answer(lease.id);
    expect(lease.deadline.at).toBe(deadlineOf(second));
  });

  it("counts for none that was sent on an earlier stream", () => {
    const lease = renewed(1n, 1_000);
    clock.advance(1_500);
    current().events.end(new EtcdFailure("unavailable", "connection reset"));
    clock.advance(500);
    expect(streams).toHaveLength(2);
    const [first] = streams[0]?.sendTimes(lease.id) ?? [];
    const [again, ...more] = current().sendTimes(lease.id);
    expect(again).toBeGreaterThan(first ?? Number.NaN);
    expect(more).toEqual([]);
    current().answer(lease.id);
    expect(lease.deadline.at).toBe(deadlineOf(again));
  });
});
