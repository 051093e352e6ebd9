import type { EtcdConnection } from "@etcdkit/core/internal";

/** Enough to use what etcd can do; few enough not to be late for each other's deadlines, nor to cost much while etcd is away. */
const AT_ONCE = 32;

const turnstiles = new WeakMap<EtcdConnection, Turnstile>();

/**
 * Lets some of the members of a connection register at a time: thousands at once would be late for each other's deadlines, and
 * call thousandfold for as long as etcd is away.
 */
export class Turnstile {
  #inside = 0;
  /** What lets them in, in order. */
  readonly #waiting = new Set<() => void>();

  static of(connection: EtcdConnection): Turnstile {
    const turnstile = turnstiles.get(connection) ?? new Turnstile();
    turnstiles.set(connection, turnstile);
    return turnstile;
  }

  /** Runs `work` when it is its turn; rejects with the reason of `signal` when that aborts before. */
  async pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#inside < AT_ONCE) this.#inside++;
    else await this.#turn(signal);
    try {
      return await work();
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
