import type { Micros } from "./record.js";

/** The same clock in every process of this machine. */
export function now(): Micros {
  return Number(process.hrtime.bigint() / 1_000n);
}
