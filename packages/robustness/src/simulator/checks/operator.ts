/** Somebody with a hand in etcd: which keys and leases went by it, and when, so that nobody is blamed for not having known at once. */
export class Operator {
  readonly #keys = new Map<string, number>();
  readonly #leases = new Map<bigint, number>();
  /** Since when nothing goes wrong that could keep the news from anybody. */
  quietSince = 0;

  deletedKey(key: string, createRevision: bigint, at: number): void {
    this.#keys.set(`${key} ${createRevision}`, at);
  }

  revokedLease(lease: bigint, at: number): void {
    this.#leases.set(lease, at);
  }

  get idle(): boolean {
    return this.#keys.size + this.#leases.size === 0;
  }

  touchedLease(lease: bigint): boolean {
    return this.#leases.has(lease);
  }

  touched(key: string, createRevision: bigint, lease: bigint): boolean {
    return this.#leases.has(lease) || this.#keys.has(`${key} ${createRevision}`);
  }

  /** From when on news of it had no excuse not to come; undefined where it was not touched. */
  tellableLease(lease: bigint): number | undefined {
    return this.#tellable(this.#leases.get(lease));
  }

  tellableKey(key: string, createRevision: bigint): number | undefined {
    return this.#tellable(this.#keys.get(`${key} ${createRevision}`));
  }

  #tellable(at: number | undefined): number | undefined {
    return at === undefined ? undefined : Math.max(at, this.quietSince);
  }
}
