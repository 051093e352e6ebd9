import type { Clock } from "@etcdkit/core/internal";

/** Hands out so many reads a second, evenly: what is not used within a fifth of a second is gone. */
export class Budget {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #at: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perMs = perSecond / 1_000;
    this.#most = Math.max(1, perSecond / 5);
    this.#left = this.#most;
    this.#at = clock.now();
  }

  take(): boolean {
    this.#refill();
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** How long until there is one to be had; whole, so that what is missing by rounding alone is waited for too. */
  get waitMs(): number {
    this.#refill();
    return Math.ceil(Math.max(1 - this.#left, 0) / this.#perMs);
  }

  #refill(): void {
    const now = this.#clock.now();
    this.#left = Math.min(this.#left + (now - this.#at) * this.#perMs, this.#most);
    this.#at = now;
  }
}
