import type { RangeRequest, RangeResult, TimeToLive, Txn, TxnResult } from "@etcdkit/core/internal";
import { Leases } from "./leases.js";
import { readRange } from "./range-read.js";
import { Store } from "./store.js";
import { applyTxn } from "./txn-apply.js";
import { checkTxn } from "./txn-check.js";

/** What all members of a cluster agree on: the keys and the leases. Answers at once; who may ask, and when, is the members' matter. */
export class ReplicatedEtcd {
  readonly store = new Store();
  readonly leases = new Leases();
  readonly #now: () => number;
  readonly #committed: () => void;

  /** `committed` is called after each change of the store. */
  constructor(now: () => number, committed: () => void) {
    this.#now = now;
    this.#committed = committed;
  }

  txn(txn: Txn): TxnResult {
    checkTxn(txn);
    const result = applyTxn(this.store, this.leases, txn);
    this.#committed();
    return result;
  }

  range(request: RangeRequest): RangeResult {
    return readRange(this.store, request);
  }

  grant(lease: bigint, ttl: number): number {
    return this.leases.grant(lease, ttl, this.#now());
  }

  /** Its keys go in one revision. */
  revoke(lease: bigint): void {
    for (const key of this.leases.revoke(lease))
      this.store.delete({ key: Buffer.from(key, "latin1") });
    this.store.commit();
    this.#committed();
  }

  timeToLive(lease: bigint): TimeToLive {
    return this.leases.timeToLive(lease, this.#now());
  }

  /** 0: the lease is gone. */
  renew(lease: bigint): number {
    return this.leases.renew(lease, this.#now());
  }

  /** What the leader does each 500 ms. Returns the leases that have expired. */
  sweep(): bigint[] {
    const expired = this.leases.expired(this.#now());
    for (const lease of expired) this.revoke(lease);
    return expired;
  }

  compact(revision: bigint): void {
    this.store.compact(revision);
  }
}
