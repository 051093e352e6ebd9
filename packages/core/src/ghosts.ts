import type { Timer } from "./clock.js";
import type { Lease } from "./lease.js";
import { deleteOwn } from "./txn.js";

/**
 * An attempt to create a key that ended without an answer can still arrive, long after the next attempt was answered and the key
 * was deleted again: a frozen member wakes up and carries it out. The key would stand in line with nobody behind it until the
 * session ends. So keys of such attempts are looked for among those of the lease, once a TTL, and deleted where nobody uses them; and
 * so are those that etcd would not let us delete.
 */
export class Ghosts {
  readonly #lease: Lease;
  readonly #suspects = new Set<string>();
  #timer: Timer | undefined;

  constructor(lease: Lease) {
    this.#lease = lease;
  }

  suspect(key: string): void {
    this.#suspects.add(key);
    if (!this.#timer && this.#lease.alive) this.#schedule();
  }

  /** Whether it may be there, or may come yet. */
  suspects(key: string): boolean {
    return this.#suspects.has(key);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    const { clock } = this.#lease.connection;
    this.#timer = clock.setTimer(this.#lease.ttlMs, () => {
      this.#sweep()
        .catch(() => undefined)
        .finally(() => {
          if (this.#lease.alive) this.#schedule();
        });
    });
  }

  async #sweep(): Promise<void> {
    const what = "a key left by an unanswered request";
    const lease = this.#lease;
    const { keys } = await lease.call((etcd, call) => etcd.leaseTimeToLive(lease.id, call), {
      what,
    });
    for (const key of keys) {
      const name = key.toString();
      if (!this.#suspects.has(name) || lease.usesKey(name)) continue;
      // nobody may begin to use it while it is being deleted
      const free = lease.claimKey(name);
      // what is refused is tried again next time, and keeps none of the others
      const deletion = deleteOwn(lease, key, undefined, { what }).catch(() => undefined);
      await deletion.finally(free);
    }
  }
}
