import type { SeededRandom } from "./seeded-random.js";

/** Something that goes wrong at one time and, where it says how long, is right again after that. */
export type Fault = { at: number } & (
  | { kind: "freeze member" | "crash member" | "isolate member"; member: number; forMs: number }
  | { kind: "member lags"; member: number; forMs: number; lagMs: number }
  | { kind: "leader lost" | "compaction" | "noise" }
  | { kind: "quorum lost"; forMs: number }
  | { kind: "client stalls"; client: number; forMs: number }
  | { kind: "client cut off"; client: number; stallMs: number; forMs: number }
  | { kind: "client killed"; client: number }
  | { kind: "streams cut"; client: number; member: number }
  | { kind: "hole"; client: number; member: number; forMs: number }
  | { kind: "replies lost" | "requests lost"; client: number; share: number; forMs: number }
  | { kind: "slow"; client: number; share: number; slowMs: number; forMs: number }
  | { kind: "key deleted" | "lease revoked"; nth: number }
);

export type FaultKind = Fault["kind"];

const WEIGHTS: readonly (readonly [FaultKind, number])[] = [
  ["freeze member", 2],
  ["crash member", 2],
  ["isolate member", 1],
  ["member lags", 2],
  ["leader lost", 1],
  ["compaction", 3],
  ["noise", 1],
  ["quorum lost", 1],
  ["client stalls", 4],
  ["client cut off", 3],
  ["client killed", 0.5],
  ["streams cut", 3],
  ["hole", 3],
  ["replies lost", 4],
  ["requests lost", 1],
  ["slow", 3],
  ["key deleted", 2],
  ["lease revoked", 1],
];

export function drawFaults(
  random: SeededRandom,
  { members, clients, chaosMs }: { members: number; clients: number; chaosMs: number },
): Fault[] {
  // a run has some kinds of faults, not all: what needs no operator should be seen without one too
  const kinds = WEIGHTS.filter(() => random.chance(0.5));
  const total = kinds.reduce((sum, [, weight]) => sum + weight, 0);
  const faults: Fault[] = [];
  const count = kinds.length === 0 ? 0 : random.below(16);
  for (let index = 0; index < count; index++) {
    let left = random.between(0, total);
    const drawn = kinds.find(([, weight]) => {
      left -= weight;
      return left < 0;
    });
    if (drawn) faults.push(draw(drawn[0], random, { members, clients, chaosMs }));
  }
  return faults.sort((a, b) => a.at - b.at);
}

function draw(
  kind: FaultKind,
  random: SeededRandom,
  { members, clients, chaosMs }: { members: number; clients: number; chaosMs: number },
): Fault {
  const at = random.between(0, chaosMs);
  const member = random.below(members);
  const client = random.below(clients);
  // most are short, some outlast a lease
  const forMs = random.between(50, random.pick([500, 2_000, 8_000]));
  switch (kind) {
    case "freeze member":
    case "crash member":
    case "isolate member":
      return { at, kind, member, forMs };
    case "member lags":
      return { at, kind, member, forMs, lagMs: random.between(5, random.pick([100, 2_000])) };
    case "leader lost":
    case "compaction":
    case "noise":
      return { at, kind };
    case "quorum lost":
      return { at, kind, forMs };
    case "client stalls":
      return { at, kind, client, forMs };
    case "client cut off": {
      // from every member, perhaps after it stood still: long enough to lose its sessions
      const stallMs = random.chance(0.6) ? random.between(0, 4_000) : 0;
      return { at, kind, client, stallMs, forMs: random.between(1_000, 12_000) };
    }
    case "client killed":
      return { at, kind, client };
    case "streams cut":
      return { at, kind, client, member };
    case "hole":
      return { at, kind, client, member, forMs };
    case "replies lost":
    case "requests lost":
      return { at, kind, client, share: random.between(0.1, 0.8), forMs };
    case "slow": {
      const slowMs = random.pick([100, 1_500, 6_000]);
      return { at, kind, client, share: random.between(0.1, 0.6), slowMs, forMs };
    }
    case "key deleted":
    case "lease revoked":
      return { at, kind, nth: random.below(100) };
  }
}
