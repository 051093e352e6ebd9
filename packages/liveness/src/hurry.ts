import { CoordinationError } from "@etcdkit/core";
import { type Clock, PROMPTLY_MS, type Timer } from "@etcdkit/core/internal";

export interface HurryOptions {
  /** What the call is about, for the error's message. */
  what: string;
  /** The caller's. */
  signal: AbortSignal | undefined;
  /** When etcd last answered anybody who is to be served before: a crowd is no outage. */
  answeredAt(): number;
}

/**
 * One time limit for a call that nobody asked to wait, however many steps it has: `signal` aborts when etcd has answered nobody for 10 s,
 * with the caller's, or when it is given up.
 */
export class Hurry {
  readonly #clock: Clock;
  readonly #options: HurryOptions;
  readonly #startedAt: number;
  readonly #controller = new AbortController();
  #timer: Timer | undefined;
  readonly #follow = () => this.giveUp(this.#options.signal?.reason);

  constructor(clock: Clock, options: HurryOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#startedAt = clock.now();
    this.#wait();
    if (options.signal?.aborted) this.#follow();
    else options.signal?.addEventListener("abort", this.#follow);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  giveUp(reason: unknown): void {
    this.#controller.abort(reason);
  }

  over(): void {
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener("abort", this.#follow);
  }

  #wait(): void {
    const since = Math.max(this.#startedAt, this.#options.answeredAt());
    const leftMs = since + PROMPTLY_MS - this.#clock.now();
    if (leftMs > 0) {
      this.#timer = this.#clock.setTimer(leftMs, () => this.#wait());
      return;
    }
    const told = `${this.#options.what}: etcd did not answer in ${PROMPTLY_MS} ms`;
    this.giveUp(new CoordinationError("UNAVAILABLE", told));
  }
}
