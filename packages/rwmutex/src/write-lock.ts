import { Holding } from "@etcdkit/core";
import type { Place } from "@etcdkit/core/internal";
import { keyOf, writers } from "./order.js";
import { ReadLock } from "./read-lock.js";

/** Releases it, and what it was downgraded to as well. */
export let endWriteLock: (lock: WriteLock) => Promise<void>;

/** A write lock that is held: nobody else reads or writes. */
export class WriteLock extends Holding {
  readonly #place: Place;
  #downgrading: Promise<ReadLock> | undefined;

  static {
    endWriteLock = async (lock) => {
      const downgraded = lock.#downgrading?.catch(() => undefined);
      await lock.release();
      await (await downgraded)?.release();
    };
  }

  /** @internal */
  constructor(place: Place) {
    super(place);
    this.#place = place;
  }

  /**
   * Turns it into a read lock, and no other writer gets in between. This lock is over then, as if it had been released: the read
   * lock is what is to be released.
   *
   * Where no other writer waits, the readers who wait are let in at once, and the read lock has a key, and so a fencing token, of
   * its own. Where one waits, a new key would stand behind it: the read lock keeps the key and the token of the write lock, and
   * everybody waits until it is released. Which of the two it was is decided by etcd, in one transaction.
   *
   * @throws the reason of `signal` where the lock is lost, a `CoordinationError` with code `RELEASED` after a release
   */
  downgrade(): Promise<ReadLock> {
    this.#downgrading ??= this.#downgrade().catch((error) => {
      this.#downgrading = undefined;
      throw error;
    });
    return this.#downgrading;
  }

  async #downgrade(): Promise<ReadLock> {
    const { lease, key } = this.#place;
    const others = writers(this.name, key);
    return new ReadLock(await this.#place.exchange(keyOf(this.name, "read", lease.id), others));
  }
}
