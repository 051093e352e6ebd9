import { type Clock, jittered, pause, type Random } from "@etcdkit/core/internal";

const FIRST_MS = 100;
const LONGEST_MS = 5_000;
/** So long after the end of an attempt, which may itself take longer while etcd is away, the next one is a first one again. */
const CALM_MS = 10_000;

/** When to make the next attempt: the first is made at once, each further one later, at random. */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  #attempts = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor({ clock, random }: { clock: Clock; random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Runs `work` when it is time, or `signal` aborts. */
  async attempt<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#pause(signal);
    try {
      return await work();
    } finally {
      this.#lastAt = this.#clock.now();
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#clock.now() > this.#lastAt + CALM_MS) this.#attempts = 0;
    const full = this.#attempts === 0 ? 0 : FIRST_MS * 2 ** Math.min(this.#attempts - 1, 10);
    const delayMs = jittered(Math.min(full, LONGEST_MS), this.#random);
    this.#attempts++;
    if (delayMs > 0) await pause(this.#clock, delayMs, signal);
  }
}
