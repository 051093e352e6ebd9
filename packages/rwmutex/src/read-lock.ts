import { CoordinationError, Holding } from "@etcdkit/core";

/** A read lock that is held: others read beside it, nobody writes. */
export class ReadLock extends Holding {
  /**
   * Always rejects, with a `CoordinationError` of code `UPGRADE_REFUSED`, and changes nothing: two readers who wait to become the
   * writer would wait for each other for ever. Release, ask for a write lock, and read again what you had read; or ask for
   * a write lock to begin with, and `downgrade()` it.
   */
  async upgrade(): Promise<never> {
    throw new CoordinationError<"UPGRADE_REFUSED">(
      "UPGRADE_REFUSED",
      `rwmutex ${this.name}: a read lock cannot become a write lock, since two that tried would wait for each other for ever; ` +
        `release it and ask for a write lock, or begin with a write lock and downgrade it`,
    );
  }
}
