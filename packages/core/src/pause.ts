import type { Clock } from "./clock.js";

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = () => {
      timer.cancel();
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const timer = clock.setTimer(delayMs, over);
    signal?.addEventListener("abort", over);
  });
}
