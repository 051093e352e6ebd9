import { randomBytes } from "node:crypto";

/** Chance as core sees it, an interface so that a simulator can make the same run again. */
export interface Random {
  /** At least 0 and below 1: for spreading and jitter. */
  fraction(): number;
  /** So many bytes that nobody else has: for ids. */
  bytes(count: number): Buffer;
}

export const systemRandom: Random = { fraction: Math.random, bytes: randomBytes };

/** At least half of `fullMs`, at most all of it, so that those who failed together do not try again together. */
export function jittered(fullMs: number, random: Random): number {
  return fullMs * (0.5 + random.fraction() / 2);
}
