import { ManualClock } from "@etcdkit/testing";
import { beforeEach, expect, test } from "vitest";
import { type Etcd, EtcdFailure, type StreamEvents, type WatchReply } from "../src/etcd.js";
import { History } from "../src/history.js";
import { Members } from "../src/members.js";
import { systemRandom } from "../src/random.js";
import { Watches } from "../src/watch.js";

/** The other end of each watch stream is the test. */
const reply: WatchReply = {
  id: -1n,
  revision: 10n,
  created: false,
  canceled: false,
  compactRevision: 0n,
  cancelReason: "",
  fragment: false,
  events: [],
};

let clock: ManualClock;
let streams: StreamEvents<WatchReply>[];
let watches: Watches;
let ended: EtcdFailure[];

beforeEach(() => {
  clock = new ManualClock(100_000);
  streams = [];
  ended = [];
  const member = {
    watch: (events: StreamEvents<WatchReply>) => {
      streams.push(events);
      return { create() {}, cancelWatch() {}, requestProgress() {}, close() {}, cancel() {} };
    },
  } as unknown as Etcd;
  const members = new Members([member], clock, systemRandom);
  watches = new Watches(members, clock, systemRandom, new History(() => {}));
  watches.open(
    { key: Buffer.from("a") },
    { events: () => {}, ended: (failure) => ended.push(failure) },
  );
});

test("a silent stream is given up though this process stands still again and again", () => {
  streams[0]?.message({ ...reply, id: 1n, created: true });
  for (let n = 0; n < 10; n++) {
    clock.jump(700);
    clock.advance(30);
  }
  expect(streams.length).toBeGreaterThan(1);
});

test("one whose answers lie in the socket is not", () => {
  streams[0]?.message({ ...reply, id: 1n, created: true });
  for (let n = 0; n < 10; n++) {
    clock.jump(700);
    // runs the late timer, and not yet the one after it
    clock.advance(0);
    streams[0]?.message(reply);
    clock.advance(30);
  }
  expect(streams.length).toBe(1);
});

test("a stream that ends over the credentials ends its watches with that, as calls do", () => {
  streams[0]?.end(new EtcdFailure("credentials", "authentication failed"));
  expect(ended).toMatchObject([{ kind: "credentials" }]);
  clock.advance(10_000);
  expect(streams.length).toBe(1);
});

test("one that gives its watches ids of its own is no member's, and is not believed", () => {
  streams[0]?.message({ ...reply, id: 0n, created: true });
  expect(ended).toMatchObject([
    { kind: "refused", message: expect.stringContaining("gRPC proxy") },
  ]);
});
