import type { Contender } from "@etcdkit/core";
import {
  checkName,
  checkOptions,
  checkSignal,
  describe,
  enter,
  enterIfFree,
  type KeyRange,
  type Lease,
} from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import { type Kind, keyOf, kindOf, rwmutexPolicy, writers } from "./order.js";
import { ReadLock } from "./read-lock.js";
import { endWriteLock, WriteLock } from "./write-lock.js";

export interface RWLockOptions {
  /** Cancels the wait: it rejects at once with the signal's reason, and its key goes. `AbortSignal.timeout(ms)` is a time limit. */
  signal?: AbortSignal | undefined;
  /** Stored as the value of our key, for `contenders()` to tell. Default: empty, as in Go. */
  value?: string | Buffer | undefined;
}

/** One who waits for a read-write lock, or holds it. */
export interface RWContender extends Contender {
  /** A key that is of neither kind is told as what it counts as: a writer. */
  readonly kind: Kind;
}

/**
 * A fair read-write lock across processes and machines, in one line with Go's recipe `RWMutex`. First come, first served: readers
 * hold together, but those who come after a waiting writer wait behind it, and so neither kind starves the other. Not
 * reentrant: two calls on one session exclude each other as those of two sessions do, and whoever asks for a write lock while
 * holding a read lock, or the other way round, waits for itself.
 */
export class RWMutex {
  readonly name: string;
  readonly #lease: Lease;

  /** @throws TypeError if `session` is no Session, or `name` is empty, has a NUL or is not well-formed text */
  constructor(session: Session, name: string) {
    this.#lease = leaseOf(session);
    checkName(name, "the name of a rwmutex");
    this.name = name;
  }

  /**
   * Waits until every writer who came before is gone. While none is in line, that is one round trip.
   *
   * @throws the reason of `signal`; SessionExpiredError or SessionClosedError when the session ends first; KeyDeletedError when
   *   somebody deletes our key in the meantime; CoordinationError when etcd refuses, or `KEY_TAKEN` when another lease has the key
   *   that should be ours. None of these leaves a key of ours behind.
   */
  async readLock(options: RWLockOptions = {}): Promise<ReadLock> {
    const blockers = writers(this.name);
    return new ReadLock(await enter({ ...this.#entry("read", options), blockers }));
  }

  /** Waits until everybody who came before is gone. Uncontended, that is one round trip. Throws as `readLock` does. */
  async writeLock(options: RWLockOptions = {}): Promise<WriteLock> {
    return new WriteLock(await enter(this.#entry("write", options)));
  }

  /** Locks if no writer holds or waits, in one round trip; else undefined, and nothing was written. Throws as `readLock` does. */
  async tryReadLock(options: RWLockOptions = {}): Promise<ReadLock | undefined> {
    const place = await this.#try("read", writers(this.name), options);
    return place && new ReadLock(place);
  }

  /** Locks if nobody holds or waits, in one round trip; else undefined, and nothing was written. Throws as `readLock` does. */
  async tryWriteLock(options: RWLockOptions = {}): Promise<WriteLock | undefined> {
    const place = await this.#try("write", [this.#line.range], options);
    return place && new WriteLock(place);
  }

  /**
   * Runs `work` while holding, and releases whatever becomes of it. When the lock is lost meanwhile, `lock.signal` tells `work`;
   * what `work` returns or throws is what comes out.
   *
   * @throws TypeError if `work` is no function; as `readLock` does; what `work` throws
   */
  async withReadLock<T>(
    work: (lock: ReadLock) => T | Promise<T>,
    options: RWLockOptions = {},
  ): Promise<T> {
    checkWork(work, "withReadLock");
    const lock = await this.readLock(options);
    try {
      return await work(lock);
    } finally {
      await lock.release();
    }
  }

  /**
   * As `withReadLock`, alone. A read lock that `work` made of the write lock ends with it too.
   *
   * @throws as `withReadLock` does
   */
  async withWriteLock<T>(
    work: (lock: WriteLock) => T | Promise<T>,
    options: RWLockOptions = {},
  ): Promise<T> {
    checkWork(work, "withWriteLock");
    const lock = await this.writeLock(options);
    try {
      return await work(lock);
    } finally {
      await endWriteLock(lock);
    }
  }

  /**
   * All in line, in order: the readers up to the first writer hold, or the first one, if it is a writer.
   *
   * @throws CoordinationError `UNAVAILABLE` when no member answers within 10 s, `PERMISSION_DENIED`, `UNAUTHENTICATED`,
   *   `REFUSED`, `CONNECTION_CLOSED`
   */
  async contenders(): Promise<RWContender[]> {
    const line = this.#line;
    const contenders = await line.contenders();
    return contenders.map((one) => ({ ...one, kind: kindOf(one, line.prefix) }));
  }

  get #line() {
    return this.#lease.connection.lines.get(this.name, rwmutexPolicy);
  }

  #try(kind: Kind, blockers: KeyRange[], options: RWLockOptions) {
    return enterIfFree(this.#entry(kind, options), blockers);
  }

  #entry(kind: Kind, options: RWLockOptions) {
    checkOptions(options);
    const { signal, value = "" } = options;
    checkSignal(signal);
    if (typeof value !== "string" && !Buffer.isBuffer(value)) {
      throw new TypeError(`value must be a string or a Buffer, not ${describe(value)}`);
    }
    return {
      lease: this.#lease,
      line: this.#line,
      key: keyOf(this.name, kind, this.#lease.id),
      value: Buffer.from(value),
      signal,
    };
  }
}

function checkWork(work: unknown, verb: string): void {
  if (typeof work === "function") return;
  throw new TypeError(`${verb} takes a function, not ${describe(work)}`);
}
