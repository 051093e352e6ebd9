import { describe } from "@etcdkit/core/internal";

export interface SuspicionOptions {
  /**
   * How many leases are looked at a second, at most, by this watch. Each member needs about 3 looks a TTL: the default of 200 covers
   * 1,000 members with a TTL of 15 s; of more than it covers, some are told as `died` without having been suspected. 1 to 10,000.
   */
  readsPerSecond?: number | undefined;
  /**
   * Above which share of those looked at, and from 3 on, silence at once makes the observer suspect itself instead. Above 0, at most 1;
   * 1 trusts every observation. Default 0.25.
   */
  silentShare?: number | undefined;
}

export interface Suspicion {
  readsPerSecond: number;
  silentShare: number;
}

/** With the defaults; undefined for false. */
export function checkSuspicion(suspect: unknown): Suspicion | undefined {
  if (suspect === false) return undefined;
  if (typeof suspect !== "object" || suspect === null) {
    throw new TypeError(`suspect must be false or options, not ${describe(suspect)}`);
  }
  const { readsPerSecond = 200, silentShare = 0.25 } = suspect as SuspicionOptions;
  checkNumber(readsPerSecond, "readsPerSecond");
  if (!(readsPerSecond >= 1 && readsPerSecond <= 10_000)) {
    throw new RangeError(`readsPerSecond must be from 1 to 10000: ${readsPerSecond}`);
  }
  checkNumber(silentShare, "silentShare");
  if (!(silentShare > 0 && silentShare <= 1)) {
    throw new RangeError(`silentShare must be above 0 and at most 1: ${silentShare}`);
  }
  return { readsPerSecond, silentShare };
}

function checkNumber(value: unknown, what: string): void {
  if (typeof value !== "number")
    throw new TypeError(`${what} must be a number: ${describe(value)}`);
}
