/** Somebody with a hand in etcd: which keys and leases went by it, so that nobody is blamed for not having known at once. */
export class Operator {
  readonly #keys = new Set<string>();
  readonly #leases = new Set<bigint>();

  deletedKey(key: string, createRevision: bigint): void {
    this.#keys.add(`${key} ${createRevision}`);
  }

  revokedLease(lease: bigint): void {
    this.#leases.add(lease);
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
}
