import type { EtcdConnection } from "@etcdkit/core/internal";

/** Enough to use what etcd can do, few enough that calls to an etcd that is away cost next to nothing. */
const AT_ONCE = 32;

const turnstiles = new WeakMap<EtcdConnection, Turnstile>();

/**
 * Lets some of the members of a connection register again at a time: without it, a process with thousands of members would call
 * thousandfold for as long as etcd is away.
 */
export class Turnstile {
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  static of(connection: EtcdConnection): Turnstile {
    const turnstile = turnstiles.get(connection) ?? new Turnstile();
    turnstiles.set(connection, turnstile);
    return turnstile;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside < AT_ONCE) this.#inside++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // whoever waits takes our place
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside--;
    }
  }
}
