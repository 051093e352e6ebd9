import type { Clock, EtcdConnection } from "@etcdkit/core/internal";

/** Enough to use what etcd can do; few enough not to be late for each other's deadlines, nor to cost much while etcd is away. */
const AT_ONCE = 32;

const turnstiles = new WeakMap<EtcdConnection, Turnstile>();

/**
 * Lets some of the members of a connection register at a time: thousands at once would be late for each other's deadlines, and
 * call thousandfold for as long as etcd is away.
 */
export class Turnstile {
  readonly #clock: Clock;
  #inside = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** What lets them in, in order. */
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  static of(connection: EtcdConnection): Turnstile {
    const turnstile = turnstiles.get(connection) ?? new Turnstile(connection.clock);
    turnstiles.set(connection, turnstile);
    return turnstile;
  }

  /** When work that was let in last succeeded. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** Runs `work` when it is its turn; rejects with the reason of `signal` when that aborts before. */
  async pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#inside < AT_ONCE) this.#inside++;
    else await this.#turn(signal);
    try {
      const result = await work();
      this.#answeredAt = this.#clock.now();
      return result;
    } finally {
      const [next] = this.#waiting;
      // whoever waits takes our place
      if (next) next();
      else this.#inside--;
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        this.#waiting.delete(enter);
        signal.removeEventListener("abort", abort);
      };
      const enter = () => {
        go();
        resolve();
      };
      const abort = () => {
        go();
        reject(signal.reason);
      };
      this.#waiting.add(enter);
      signal.addEventListener("abort", abort);
    });
  }
}
