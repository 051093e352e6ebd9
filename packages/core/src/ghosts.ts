import type { Timer } from "./clock.js";
import type { Lease } from "./lease.js";
import { deleteOwn } from "./txn.js";

// A request is late by minutes: a frozen member wakes up, what a dead network swallowed is sent again for a quarter of an hour.
const LATEST_MS = 3_600_000;

/**
 * An attempt to create a key that ended without an answer can still arrive, long after the next attempt was answered and the key
 * was deleted again: a frozen member wakes up and carries it out. The key would stand in line with nobody behind it until the
 * session ends. So keys of such attempts are looked for among those of the lease, once a TTL, and deleted where nobody uses them; and
 * so are those that etcd would not let us delete. They are forgotten after looks for an hour that saw none to delete: answered ones,
 * so that neither an outage nor a process that stood still counts.
 */
export class Ghosts {
  readonly #lease: Lease;
  /** By name, after how many more looks it is forgotten. */
  readonly #suspects = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(lease: Lease) {
    this.#lease = lease;
  }

  suspect(key: string): void {
    // and one more look, for one that is under way may be too early to see it
    this.#suspects.set(key, Math.ceil(LATEST_MS / this.#lease.ttlMs) + 1);
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
          this.#timer = undefined;
          if (this.#suspects.size > 0 && this.#lease.alive) this.#schedule();
        });
    });
  }

  async #sweep(): Promise<void> {
    const what = "a key left by an unanswered request";
    const lease = this.#lease;
    const { keys } = await lease.call(
      (etcd, call) => etcd.leaseTimeToLive(lease.id, { ...call, keys: true }),
      { what },
    );
    for (const key of keys) {
      const name = key.toString();
      if (!this.#suspects.has(name) || lease.usesKey(name)) continue;
      this.suspect(name);
      // nobody may begin to use it while it is being deleted
      const free = lease.claimKey(name);
      // what is refused is tried again next time, and keeps none of the others
      const deletion = deleteOwn(lease, key, undefined, { what }).catch(() => undefined);
      await deletion.finally(free);
    }
    for (const [name, looks] of this.#suspects) {
      if (looks > 1) this.#suspects.set(name, looks - 1);
      else this.#suspects.delete(name);
    }
  }
}
