import { type Contender, Holding } from "@etcdkit/core";
import {
  checkName,
  checkOptions,
  checkSignal,
  describe,
  enter,
  enterIfFree,
  type Lease,
  type Line,
  leaseHex,
  type Policy,
} from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";

export interface LockOptions {
  /** Cancels the wait: it rejects at once with the signal's reason, and its key goes. `AbortSignal.timeout(ms)` is a time limit. */
  signal?: AbortSignal | undefined;
  /** Stored as the value of our key, for `contenders()` to tell. Default: empty, as in Go. */
  value?: string | Buffer | undefined;
}

/** A mutex that is held. */
export class Lock extends Holding {}

/** The first in line holds. Keys are `name/<lease id in hex>`, and while that is taken with `-<n>` behind it. */
const mutexPolicy: Policy = {
  kind: "mutex",
  *holders(order) {
    for (const first of order) {
      yield first;
      return;
    }
  },
  belongs: (suffix) => !suffix.includes("/"),
};

/**
 * A fair lock across processes and machines, first come first served, in one line with Go's `concurrency.Mutex` and
 * `etcdctl lock`. Not reentrant: two calls on one session exclude each other as those of two sessions do.
 */
export class Mutex {
  readonly name: string;
  readonly #lease: Lease;
  readonly #key: string;
  #lastLine: Line | undefined;

  /** @throws TypeError if `session` is no Session, or `name` is empty, has a NUL or is not well-formed text */
  constructor(session: Session, name: string) {
    this.#lease = leaseOf(session);
    checkName(name, "the name of a mutex");
    this.name = name;
    this.#key = `${name}/${leaseHex(this.#lease.id)}`;
  }

  /**
   * Waits for its turn. Uncontended, that is one round trip.
   *
   * @throws the reason of `signal`; SessionExpiredError or SessionClosedError when the session ends first; KeyDeletedError when
   *   somebody deletes our key in the meantime; CoordinationError when etcd refuses, or `KEY_TAKEN` when another lease has the key
   *   that should be ours. None of these leaves a key of ours behind.
   */
  async lock(options: LockOptions = {}): Promise<Lock> {
    return new Lock(await enter(this.#entry(options)));
  }

  /** Locks if nobody holds or waits, in one round trip; else undefined, and nothing was written. Throws as `lock` does. */
  async tryLock(options: LockOptions = {}): Promise<Lock | undefined> {
    const entry = this.#entry(options);
    const place = await enterIfFree(entry, [entry.line.range]);
    return place && new Lock(place);
  }

  /**
   * Runs `work` while holding, and releases whatever becomes of it. When the lock is lost meanwhile, `lock.signal` tells `work`;
   * what `work` returns or throws is what comes out.
   *
   * @throws TypeError if `work` is no function; as `lock` does; what `work` throws
   */
  async withLock<T>(work: (lock: Lock) => T | Promise<T>, options: LockOptions = {}): Promise<T> {
    if (typeof work !== "function") {
      throw new TypeError(`withLock takes a function, not ${describe(work)}`);
    }
    const lock = await this.lock(options);
    try {
      return await work(lock);
    } finally {
      await lock.release();
    }
  }

  /**
   * All in line, in order: the first holds.
   *
   * @throws CoordinationError `UNAVAILABLE` when no member answers within 10 s, `PERMISSION_DENIED`, `UNAUTHENTICATED`,
   *   `REFUSED`, `CONNECTION_CLOSED`
   */
  contenders(): Promise<Contender[]> {
    return this.#line.contenders();
  }

  get #line(): Line {
    this.#lastLine = this.#lease.connection.lines.get(this.name, mutexPolicy, this.#lastLine);
    return this.#lastLine;
  }

  #entry(options: LockOptions) {
    checkOptions(options);
    const { signal, value = "" } = options;
    checkSignal(signal);
    if (typeof value !== "string" && !Buffer.isBuffer(value)) {
      throw new TypeError(`value must be a string or a Buffer, not ${describe(value)}`);
    }
    return {
      lease: this.#lease,
      line: this.#line,
      key: this.#key,
      value: Buffer.from(value),
      signal,
    };
  }
}
