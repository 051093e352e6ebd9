import { CoordinationError } from "@etcdkit/core";
import { type Clock, PROMPTLY_MS } from "@etcdkit/core/internal";

interface Waiter {
  resolve(): void;
  reject(reason: unknown): void;
}

/** Those who wait for their metadata to be written: all at once, for what is written is the latest, and includes the earlier. */
export class Updates {
  readonly #clock: Clock;
  readonly #what: string;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock, what: string) {
    this.#clock = clock;
    this.#what = what;
  }

  /** Resolves with the next `written()`; rejects with the next `failed()`, or with `UNAVAILABLE` after 10 s. */
  next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settled = (how: () => void) => {
        timer.cancel();
        this.#waiters.delete(waiter);
        how();
      };
      const waiter: Waiter = {
        resolve: () => settled(resolve),
        reject: (reason) => settled(() => reject(reason)),
      };
      const timer = this.#clock.setTimer(PROMPTLY_MS, () => waiter.reject(this.#notYet()));
      this.#waiters.add(waiter);
    });
  }

  written(): void {
    for (const waiter of this.#waiters) waiter.resolve();
  }

  failed(reason: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(reason);
  }

  #notYet(): CoordinationError {
    const told = `${this.#what}: the metadata was not written in ${PROMPTLY_MS} ms; it will be once etcd answers`;
    return new CoordinationError("UNAVAILABLE", told);
  }
}
