import { CoordinationError } from "@etcdkit/core";
import type { Clock, EtcdConnection } from "@etcdkit/core/internal";

/** Enough to use what etcd can do; few enough not to be late for each other's deadlines, nor to cost much while etcd is away. */
const AT_ONCE = 32;
/** As core's calls that nobody asked to wait. */
const PROMPTLY_MS = 10_000;

interface Waiter {
  since: number;
  resolve(): void;
  reject(reason: unknown): void;
}

const turnstiles = new WeakMap<EtcdConnection, Turnstile>();

/**
 * Lets some of the members of a connection register at a time: thousands at once would be late for each other's deadlines, and
 * call thousandfold for as long as etcd is away.
 */
export class Turnstile {
  readonly #clock: Clock;
  #inside = 0;
  #waiting: Waiter[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  static of(connection: EtcdConnection): Turnstile {
    const turnstile = turnstiles.get(connection) ?? new Turnstile(connection.clock);
    turnstiles.set(connection, turnstile);
    return turnstile;
  }

  /** Runs `work` when it is its turn. Fails as others do when etcd does not answer them, after 10 s. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside < AT_ONCE) this.#inside++;
    else await this.#turn();
    try {
      return await work();
    } catch (error) {
      if (error instanceof CoordinationError && error.code === "UNAVAILABLE") this.#despair(error);
      throw error;
    } finally {
      // whoever waits takes our place
      const next = this.#waiting.shift();
      if (next) next.resolve();
      else this.#inside--;
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ since: this.#clock.now(), resolve, reject });
    });
  }

  #despair(error: CoordinationError): void {
    const patient = ({ since }: Waiter) => this.#clock.now() < since + PROMPTLY_MS;
    const [stay, go] = [
      this.#waiting.filter(patient),
      this.#waiting.filter((one) => !patient(one)),
    ];
    this.#waiting = stay;
    for (const waiter of go) waiter.reject(error);
  }
}
