import { type Random, systemRandom } from "@etcdkit/core/internal";
import { ManualClock } from "@etcdkit/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { Detector, type LeaseLook } from "../src/detector.js";
import type { MemberEvent } from "../src/events.js";

// The rules of suspicion on a clock that is turned by hand, over leases that are as etcd would have them.

const TTL = 15;
const TTL_MS = TTL * 1_000;

let clock: ManualClock;
let told: { at: number; word: string }[];
/** How many were looked at before the observer doubted itself. */
let asked: number[];
let looks: { at: number; leaseId: bigint }[];
let renewedAt: Map<bigint, number>;
/** Those that do not renew any more. */
let silent: Set<bigint>;
let answers: (leaseId: bigint) => Promise<LeaseLook | undefined>;

beforeEach(() => {
  clock = new ManualClock(1_000_000);
  told = [];
  asked = [];
  looks = [];
  renewedAt = new Map();
  silent = new Set();
  answers = async (leaseId) => {
    const left = (renewedAt.get(leaseId) ?? 0) + TTL_MS - clock.now();
    return left < 0 ? undefined : { ttl: Math.floor(left / 1_000), grantedTtl: TTL };
  };
});

function newDetector(
  options: { readsPerSecond?: number; silentShare?: number; random?: Random } = {},
): Detector {
  return new Detector({
    readsPerSecond: 100,
    silentShare: 0.25,
    random: systemRandom,
    ...options,
    clock,
    look: (leaseId) => {
      looks.push({ at: clock.now(), leaseId });
      return answers(leaseId);
    },
    tell: (event: MemberEvent) => {
      if (event.type === "observer-suspected") asked.push(event.lookedAt);
      told.push({
        at: clock.now(),
        word: "id" in event ? `${event.type} ${event.id}` : event.type,
      });
    },
  });
}

const member = (n: number, leaseId = BigInt(n)) => ({
  id: `m${n}`,
  incarnation: "one",
  metadata: {},
  facts: {},
  leaseId,
  createRevision: 1n,
  modRevision: 1n,
});

/** Joined by now; their renewals are spread. */
function join(detector: Detector, count: number, ttlMs = TTL_MS): void {
  for (let n = 1; n <= count; n++) {
    renewedAt.set(BigInt(n), clock.now() - (n * ttlMs) / 3 / count);
    detector.follow({ type: "joined", id: `m${n}`, member: member(n), revision: 1n });
  }
}

/** Lets time pass, while those that are not silent renew as they should. */
async function pass(ms: number, stepMs = 50): Promise<void> {
  for (const end = clock.now() + ms; clock.now() < end; ) {
    clock.advance(stepMs);
    for (const [lease, at] of renewedAt) {
      if (!silent.has(lease) && clock.now() >= at + TTL_MS / 3) renewedAt.set(lease, clock.now());
    }
    // what was looked at is answered
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

const words = () => told.map(({ word }) => word);

describe("suspicion", () => {
  test("nobody who renews is ever suspected", async () => {
    join(newDetector(), 100);
    await pass(600_000);
    expect(told).toEqual([]);
  });

  test("whoever misses a renewal is, after half of its TTL and before four fifths", async () => {
    const detector = newDetector();
    join(detector, 100);
    await pass(20_000);
    silent.add(7n);
    await pass(TTL_MS);
    expect(words()).toEqual(["suspected m7"]);
    const after = (told[0]?.at ?? 0) - (renewedAt.get(7n) ?? 0);
    expect(after).toBeGreaterThan(TTL_MS / 2);
    expect(after).toBeLessThan((TTL_MS * 4) / 5);
  });

  test.each([5, 8, 10, 60, 600])("holds for a TTL of %i s", async (ttl) => {
    const ttlMs = ttl * 1_000;
    const detector = newDetector();
    const leases = Array.from({ length: 20 }, (_, n) => BigInt(n + 1));
    answers = async (leaseId) => {
      const left = (renewedAt.get(leaseId) ?? 0) + ttlMs - clock.now();
      return left < 0 ? undefined : { ttl: Math.floor(left / 1_000), grantedTtl: ttl };
    };
    join(detector, leases.length, ttlMs);
    const silentSince = clock.now() + ttlMs * 2;
    let suspectedAt: number | undefined;
    while (clock.now() < silentSince + ttlMs && suspectedAt === undefined) {
      clock.advance(50);
      for (const lease of leases) {
        const due = clock.now() >= (renewedAt.get(lease) ?? 0) + ttlMs / 3;
        if (due && !(lease === 1n && clock.now() > silentSince)) renewedAt.set(lease, clock.now());
      }
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      suspectedAt = told[0]?.at;
    }
    expect(words()).toEqual(["suspected m1"]);
    expect((suspectedAt ?? 0) - (renewedAt.get(1n) ?? 0)).toBeGreaterThan(ttlMs / 2);
    expect((suspectedAt ?? 0) - (renewedAt.get(1n) ?? 0)).toBeLessThan(ttlMs);
  });

  test("ends with the next renewal, and can come again", async () => {
    join(newDetector(), 20);
    silent.add(7n);
    await pass(12_000);
    silent.delete(7n);
    await pass(12_000);
    silent.add(7n);
    await pass(12_000);
    expect(words()).toEqual(["suspected m7", "recovered m7", "suspected m7"]);
  });

  test("ends without a word with the member, and with one when it is on another lease", async () => {
    const detector = newDetector();
    join(detector, 20);
    silent.add(1n).add(2n);
    await pass(12_000);
    expect(words().sort()).toEqual(["suspected m1", "suspected m2"]);
    detector.follow({
      type: "died",
      id: "m1",
      member: member(1),
      revision: 2n,
      witnessed: true,
    });
    renewedAt.set(102n, clock.now());
    detector.follow({
      type: "updated",
      id: "m2",
      member: member(2, 102n),
      before: member(2),
      revision: 3n,
    });
    await pass(30_000);
    expect(words().slice(2)).toEqual(["recovered m2"]);
  });

  test("nobody is looked at who has no lease, or is no member any more", async () => {
    const detector = newDetector();
    join(detector, 3);
    detector.follow({ type: "joined", id: "m9", member: member(9, 0n), revision: 1n });
    detector.follow({ type: "left", id: "m2", member: member(2), revision: 1n });
    await pass(30_000);
    expect(new Set(looks.map(({ leaseId }) => leaseId))).toEqual(new Set([1n, 3n]));
    detector.close();
    looks = [];
    await pass(30_000);
    expect(looks).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("etcd that does not answer proves nothing", async () => {
    join(newDetector(), 20);
    await pass(10_000);
    silent.add(7n);
    const answering = answers;
    answers = async () => undefined;
    await pass(60_000);
    expect(told).toEqual([]);
    silent.clear();
    await pass(6_000);
    answers = answering;
    await pass(30_000);
    expect(told).toEqual([]);
  });

  test("a leader of etcd that is new has refreshed all leases, and nobody is suspected", async () => {
    join(newDetector(), 20);
    await pass(10_000);
    for (let n = 1; n <= 20; n++) silent.add(BigInt(n));
    await pass(4_500);
    for (let n = 1; n <= 20; n++) renewedAt.set(BigInt(n), clock.now());
    silent.clear();
    await pass(60_000);
    expect(told).toEqual([]);
  });
});

describe("the cost", () => {
  test("is about three looks a TTL for each member", async () => {
    join(newDetector(), 100);
    await pass(30_000);
    looks = [];
    await pass(TTL_MS * 4);
    expect(looks.length / 100 / 4).toBeGreaterThan(2);
    expect(looks.length / 100 / 4).toBeLessThan(3.5);
  });

  test("is never more than what was allowed, and all have their turn", async () => {
    join(newDetector({ readsPerSecond: 100 }), 5_000);
    await pass(120_000);
    for (let second = 0; second < 119; second++) {
      const from = 1_000_000 + second * 1_000;
      const within = looks.filter(({ at }) => at >= from && at < from + 1_000);
      expect(within.length).toBeLessThanOrEqual(121);
    }
    expect(looks.length).toBeLessThanOrEqual(120 * 100 + 20);
    expect(new Set(looks.map(({ leaseId }) => leaseId)).size).toBe(5_000);
    expect(told).toEqual([]);
  });

  test("is what was allowed, where that is needed", async () => {
    join(newDetector({ readsPerSecond: 1_000 }), 5_000);
    await pass(30_000);
    const from = clock.now() - 20_000;
    const later = looks.filter(({ at }) => at >= from);
    expect(later.length / 20).toBeGreaterThan(900);
    expect(later.length / 20).toBeLessThanOrEqual(1_010);
  });

  // the table of the README; those who die do so one after the other
  test.each([
    { members: 100, ttl: 15, readsPerSecond: 200, reads: 20, dead: 10, least: 10, most: 10 },
    { members: 1_000, ttl: 15, readsPerSecond: 200, reads: 200, dead: 10, least: 10, most: 10 },
    { members: 5_000, ttl: 60, readsPerSecond: 200, reads: 192, dead: 5, least: 5, most: 5 },
    { members: 5_000, ttl: 15, readsPerSecond: 200, reads: 200, dead: 30, least: 2, most: 12 },
    { members: 5_000, ttl: 15, readsPerSecond: 1_000, reads: 1_000, dead: 5, least: 5, most: 5 },
  ])(
    "of $members members with a TTL of $ttl s and $readsPerSecond: $reads a second, $least to $most of $dead suspected",
    async (row) => {
      const { members, ttl, dead } = row;
      const ttlMs = ttl * 1_000;
      const silentSince = new Map<bigint, number>();
      /** Each renews when a third of its TTL is over, spread evenly; reckoned when it is asked for, since they are many. */
      const lastRenewal = (lease: bigint) => {
        const now = silentSince.get(lease) ?? clock.now();
        const phase = (Number(lease) * ttlMs) / 3 / members;
        return now - ((now - phase) % (ttlMs / 3));
      };
      answers = async (lease) => {
        const left = lastRenewal(lease) + ttlMs - clock.now();
        return left < 0 ? undefined : { ttl: Math.floor(left / 1_000), grantedTtl: ttl };
      };
      // always the same chance: a share of thirty is not to differ from run to run
      let chance = 1;
      const fraction = () => {
        chance = (chance * 16_807) % 2_147_483_647;
        return chance / 2_147_483_647;
      };
      const random = { ...systemRandom, fraction };
      const detector = newDetector({ readsPerSecond: row.readsPerSecond, random });
      join(detector, members);
      renewedAt.clear();
      await pass(ttlMs);
      const since = clock.now();
      looks = [];
      for (let n = 1; n <= dead; n++) {
        const lease = BigInt(n * 3);
        silentSince.set(lease, clock.now());
        await pass(lastRenewal(lease) + ttlMs - clock.now());
        const gone = { id: `m${lease}`, member: member(Number(lease)), revision: 2n };
        detector.follow({ type: "died", ...gone, witnessed: true });
      }
      const perSecond = looks.length / ((clock.now() - since) / 1_000);
      // a look or two a TTL are at those who have fallen silent
      expect(perSecond).toBeGreaterThan(row.reads * 0.95);
      expect(perSecond).toBeLessThan(row.reads * 1.1);
      const suspected = words().filter((word) => word.startsWith("suspected "));
      expect(words()).toEqual(suspected);
      expect(new Set(suspected).size).toBe(suspected.length);
      expect(suspected.length).toBeGreaterThanOrEqual(row.least);
      expect(suspected.length).toBeLessThanOrEqual(row.most);
    },
  );

  test("comes one look after the other, not in bursts", async () => {
    // more members than can be looked at as often as they should
    join(newDetector({ readsPerSecond: 100 }), 2_000);
    await pass(10_000);
    looks = [];
    await pass(5_000, 1);
    const times = new Map<number, number>();
    for (const { at } of looks) times.set(at, (times.get(at) ?? 0) + 1);
    expect(looks.length).toBeGreaterThan(450);
    expect(Math.max(...times.values())).toBeLessThanOrEqual(2);
  });

  test("is no more than 32 looks at once, however slow the answers", async () => {
    let open = 0;
    let most = 0;
    answers = async () => {
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => clock.setTimer(900, resolve));
      open--;
      return undefined;
    };
    join(newDetector({ readsPerSecond: 1_000 }), 1_000);
    await pass(5_000);
    expect(most).toBe(32);
  });
});

describe("when many fall silent at once", () => {
  test.each([
    [4, 4],
    [12, 6],
    [60, 30],
    [600, 600],
  ])("of %i members %i: the observer suspects itself, and nobody else", async (all, hit) => {
    join(newDetector({ readsPerSecond: 1_000 }), all);
    await pass(20_000);
    for (let n = 1; n <= hit; n++) silent.add(BigInt(n));
    await pass((TTL_MS * 2) / 3 - 100);
    expect(words()).toEqual(["observer-suspected"]);
    // so many that half of them do not look like a quarter by chance
    expect(asked).toEqual([Math.min(all, 128)]);
    // just before the first of their leases has run out, all are heard of again
    silent.clear();
    await pass(30_000);
    expect(words()).toEqual(["observer-suspected", "observer-recovered"]);
  });

  test("of half that die one by one, the last are not suspected either", async () => {
    // those that are left are fewer than the share for longer than it takes until all are asked again
    const detector = newDetector({ readsPerSecond: 1_000, silentShare: 0.4 });
    join(detector, 120);
    await pass(20_000);
    for (let n = 1; n <= 120; n += 2) silent.add(BigInt(n));
    for (const end = clock.now() + TTL_MS + 1_000; clock.now() < end; ) {
      await pass(100);
      for (let n = 1; n <= 120; n += 2) {
        const lease = BigInt(n);
        if (!renewedAt.has(lease) || clock.now() < (renewedAt.get(lease) ?? 0) + TTL_MS) continue;
        renewedAt.delete(lease);
        const told = { id: `m${n}`, member: member(n), revision: 2n };
        detector.follow({ type: "died", ...told, witnessed: true });
      }
    }
    await pass(5_000);
    expect(words()).toEqual(["observer-suspected", "observer-recovered"]);
  });

  test("though one alone had fallen silent just before, and was suspected", async () => {
    const detector = newDetector({ readsPerSecond: 200 });
    join(detector, 200);
    await pass(20_000);
    silent.add(1n);
    // half of all follow while the word of the inquiry about the one is still good
    await pass(9_000);
    for (let n = 2; n <= 101; n++) silent.add(BigInt(n));
    await pass((TTL_MS * 2) / 3 - 100);
    const before = words().slice(0, words().indexOf("observer-suspected"));
    expect(words()).toContain("observer-suspected");
    expect(before.length).toBeLessThanOrEqual(3);
    expect(words().slice(before.length + 1)).toEqual([]);
  });

  test("those that stay silent are suspected when the others are back", async () => {
    join(newDetector(), 40);
    await pass(20_000);
    for (let n = 1; n <= 40; n++) silent.add(BigInt(n));
    await pass(11_000);
    for (let n = 3; n <= 40; n++) silent.delete(BigInt(n));
    // etcd keeps the leases of the two for longer, having a new leader, say
    for (let n = 1; n <= 2; n++) renewedAt.set(BigInt(n), clock.now() - 8_500);
    await pass(6_000);
    expect(words().slice(0, 2)).toEqual(["observer-suspected", "observer-recovered"]);
    expect(words().slice(2).sort()).toEqual(["suspected m1", "suspected m2"]);
  });

  test("those of the sample who leave before they have answered are not waited for", async () => {
    const detector = newDetector();
    join(detector, 20);
    await pass(20_000);
    silent.add(1n);
    const since = renewedAt.get(1n) ?? 0;
    const answering = answers;
    const leaving = (leaseId: bigint) => leaseId > 1n && leaseId < 13n;
    answers = (leaseId) => (leaving(leaseId) ? new Promise(() => undefined) : answering(leaseId));
    // all have been asked when a third of its lease was left
    await pass(since + 11_200 - clock.now());
    expect(told).toEqual([]);
    for (let n = 2; n < 13; n++) {
      detector.follow({ type: "left", id: `m${n}`, member: member(n), revision: 2n });
    }
    await pass(500);
    expect(words()).toEqual(["suspected m1"]);
  });

  test("where most of the sample do not answer, nobody is suspected", async () => {
    join(newDetector(), 20);
    await pass(20_000);
    silent.add(1n);
    const since = renewedAt.get(1n) ?? 0;
    const answering = answers;
    answers = (leaseId) =>
      leaseId > 1n && leaseId < 13n ? new Promise(() => undefined) : answering(leaseId);
    await pass(since + 14_500 - clock.now());
    expect(told).toEqual([]);
  });

  test("two right after one alone are suspected at once, and with a further one the observer suspects itself", async () => {
    join(newDetector(), 12);
    await pass(20_000);
    const before = [3_300, 100, 0];
    for (const [index, ms] of before.entries()) {
      renewedAt.set(BigInt(index + 1), clock.now() - ms);
      silent.add(BigInt(index + 1));
    }
    // when all are asked about the first, this one has not missed a renewal yet
    await pass(2_700);
    renewedAt.set(4n, clock.now());
    silent.add(4n);
    await pass(13_000);
    expect(words().slice(1, 3).sort()).toEqual(["suspected m2", "suspected m3"]);
    expect([words()[0], ...words().slice(3)]).toEqual(["suspected m1", "observer-suspected"]);
    // not when they have a third left only
    const [, second, third] = told;
    for (const one of [second, third]) {
      expect((one?.at ?? 0) - (renewedAt.get(2n) ?? 0)).toBeLessThan(9_500);
    }
  });

  test("what is told of those who had been suspected before goes on", async () => {
    const detector = newDetector();
    join(detector, 40);
    await pass(20_000);
    silent.add(1n);
    await pass(12_500);
    expect(words()).toEqual(["suspected m1"]);
    for (let n = 2; n <= 40; n++) silent.add(BigInt(n));
    silent.delete(1n);
    await pass(13_000);
    expect(words()).toEqual(["suspected m1", "recovered m1", "observer-suspected"]);
  });

  test("two are not many, though they are all there are; and a share of 1 trusts every look", async () => {
    const few = newDetector();
    join(few, 2);
    silent.add(1n).add(2n);
    await pass(14_000);
    expect(words().sort()).toEqual(["suspected m1", "suspected m2"]);
    few.close();
    told = [];
    silent.clear();
    join(newDetector({ silentShare: 1 }), 20);
    for (let n = 1; n <= 20; n++) silent.add(BigInt(n));
    await pass(14_000);
    expect(words()).toHaveLength(20);
  });
});
