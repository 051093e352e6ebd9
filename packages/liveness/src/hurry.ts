import { CoordinationError } from "@etcdkit/core";
import type { Clock, Timer } from "@etcdkit/core/internal";

/** As core's calls that nobody asked to wait. */
const PROMPTLY_MS = 10_000;

/**
 * One time limit for a call that nobody asked to wait, however many steps it has: `signal` aborts then, with the caller's, or when
 * it is given up.
 */
export class Hurry {
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  readonly #given: AbortSignal | undefined;
  readonly #follow = () => this.giveUp(this.#given?.reason);

  constructor(clock: Clock, what: string, given: AbortSignal | undefined) {
    this.#given = given;
    this.#timer = clock.setTimer(PROMPTLY_MS, () => {
      const told = `${what}: etcd did not answer in ${PROMPTLY_MS} ms`;
      this.giveUp(new CoordinationError("UNAVAILABLE", told));
    });
    if (given?.aborted) this.#follow();
    else given?.addEventListener("abort", this.#follow);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  giveUp(reason: unknown): void {
    this.#controller.abort(reason);
  }

  over(): void {
    this.#timer.cancel();
    this.#given?.removeEventListener("abort", this.#follow);
  }
}
