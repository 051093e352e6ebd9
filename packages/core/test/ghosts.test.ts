import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { ManualClock } from "@etcdkit/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { Etcd } from "../src/etcd.js";
import { Ghosts } from "../src/ghosts.js";
import type { Lease } from "../src/lease.js";

const TTL_MS = 60_000;
const HOUR_MS = 3_600_000;
const KEY = "queue/a";

let clock: ManualClock;
let ghosts: Ghosts;
/** Of the lease, in etcd. */
let keys: string[];
let looks: number;
let answering: boolean;

beforeEach(() => {
  clock = new ManualClock();
  keys = [];
  looks = 0;
  answering = true;
  // all that is asked of etcd, and of a lease
  const etcd = {
    leaseTimeToLive: async () => {
      looks++;
      if (!answering) throw new Error("no answer");
      return { ttl: 60, grantedTtl: 60, keys: keys.map((key) => Buffer.from(key)) };
    },
    range: async ({ key }: { key: Buffer }) => ({
      kvs: keys.includes(String(key)) ? [{ key, lease: 7n, createRevision: 1n }] : [],
    }),
    txn: async () => {
      keys = [];
    },
  } as unknown as Etcd;
  const lease = {
    id: 7n,
    ttlMs: TTL_MS,
    alive: true,
    connection: { clock },
    usesKey: () => false,
    claimKey: () => () => undefined,
    call: (operation: (etcd: Etcd) => Promise<unknown>) => operation(etcd),
    undo: (operation: (etcd: Etcd) => Promise<unknown>) => operation(etcd),
  };
  ghosts = new Ghosts(lease as unknown as Lease);
});

/** Turns the clock, and lets each look have its answer. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += TTL_MS) {
    clock.advance(TTL_MS);
    await turnOfTheLoop();
  }
}

describe("a key that a request without an answer may make yet", () => {
  it("is looked for during an hour, and forgotten then", async () => {
    ghosts.suspect(KEY);
    await pass(HOUR_MS);
    expect(looks).toBe(HOUR_MS / TTL_MS);
    expect(ghosts.suspects(KEY)).toBe(true);
    await pass(TTL_MS);
    expect(ghosts.suspects(KEY)).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it("is deleted where it appears, and looked for during another hour", async () => {
    ghosts.suspect(KEY);
    await pass(HOUR_MS);
    keys = [KEY];
    await pass(TTL_MS);
    expect(keys).toEqual([]);
    await pass(HOUR_MS - TTL_MS);
    expect(ghosts.suspects(KEY)).toBe(true);
    keys = [KEY];
    await pass(TTL_MS);
    expect(keys).toEqual([]);
  });

  it("is not forgotten by looks that have no answer", async () => {
    ghosts.suspect(KEY);
    answering = false;
    await pass(3 * HOUR_MS);
    answering = true;
    await pass(HOUR_MS);
    keys = [KEY];
    await pass(TTL_MS);
    expect(keys).toEqual([]);
  });

  it("is looked for again where another request had no answer", async () => {
    ghosts.suspect(KEY);
    await pass(HOUR_MS + TTL_MS);
    expect(ghosts.suspects(KEY)).toBe(false);
    ghosts.suspect(KEY);
    keys = [KEY];
    await pass(TTL_MS);
    expect(keys).toEqual([]);
  });
});
