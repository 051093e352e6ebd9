import { seconds } from "./stopwatch.js";

/** More than a TTL, etcd's own looking for expired leases, an election of its leader, and a busy machine may take together. */
const LIMIT_MS = 30_000;

/** Gives the waiting for `what` a limit. */
export async function unlessLate<T>(
  what: string,
  signal: AbortSignal,
  wait: (inTime: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = AbortSignal.timeout(LIMIT_MS);
  try {
    return await wait(AbortSignal.any([signal, late]));
  } catch (error) {
    if (error !== late.reason) throw error;
    throw new Error(`waited ${seconds(LIMIT_MS)} for ${what}, in vain`);
  }
}
