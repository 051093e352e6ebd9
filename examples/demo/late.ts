import { seconds } from "./stopwatch.js";

/**
 * Waits for `what`, for no longer than etcd may take: above the TTL by its own looking for expired leases, by an election of its
 * leader, and by a busy machine.
 */
export async function unlessLate<T>(
  ttl: number,
  what: string,
  signal: AbortSignal,
  wait: (inTime: AbortSignal) => Promise<T>,
): Promise<T> {
  const limitMs = 3 * ttl * 1_000;
  const late = AbortSignal.timeout(limitMs);
  try {
    return await wait(AbortSignal.any([signal, late]));
  } catch (error) {
    if (error !== late.reason) throw error;
    throw new Error(`waited ${seconds(limitMs)} for ${what}, in vain`);
  }
}
