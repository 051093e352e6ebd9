import type { Clock } from "./clock.js";

/**
 * Until when a lease can be relied on: the send time of the last acknowledged renewal, plus the TTL granted, minus a margin.
 * The server counts the TTL from when it gets the request, so from the send time it is never too long; counted from the
 * reply it would be. Once passed it stays passed, whatever is acknowledged later.
 */
export class Deadline {
  #at: number;
  #passed = false;

  constructor(
    readonly clock: Clock,
    sentAt: number,
    ttlMs: number,
    readonly marginMs: number,
  ) {
    this.#at = sentAt + ttlMs - marginMs;
  }

  /** On the clock. */
  get at(): number {
    return this.#at;
  }

  get remainingMs(): number {
    return this.passed ? 0 : this.#at - this.clock.now();
  }

  /** Reads the clock at every look: after a stall no timer has run yet. */
  get passed(): boolean {
    if (!this.#passed && this.clock.now() >= this.#at) this.#passed = true;
    return this.#passed;
  }

  /** A renewal sent at `sentAt` was answered. Never moves the deadline back. */
  acknowledge(sentAt: number, ttlMs: number): void {
    if (this.passed) return;
    this.#at = Math.max(this.#at, sentAt + ttlMs - this.marginMs);
  }
}
