import type { TimeToLive } from "@etcdkit/core/internal";
import { refusals } from "./refusal.js";

/** At etcd's default election timeout of 1 s (etcd, server/lease/lessor.go: minLeaseTTL). */
const SMALLEST_TTL = 2;
const LARGEST_TTL = 9_000_000_000;

interface Granted {
  readonly ttl: number;
  expiresAt: number;
  readonly keys: Set<string>;
}

/** The leases of a cluster, as its leader counts them; times are the leader's, in milliseconds. */
export class Leases {
  readonly #leases = new Map<bigint, Granted>();

  /** Returns the TTL granted, in seconds. */
  grant(id: bigint, asked: number, now: number): number {
    if (this.#leases.has(id)) throw refusals.leaseExists();
    if (asked > LARGEST_TTL) throw refusals.leaseTooLong();
    const ttl = Math.max(asked, SMALLEST_TTL);
    this.#leases.set(id, { ttl, expiresAt: now + ttl * 1_000, keys: new Set() });
    return ttl;
  }

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  get ids(): bigint[] {
    return [...this.#leases.keys()];
  }

  /** When the leader counts it as expired; undefined: it is not there. */
  expiresAt(id: bigint): number | undefined {
    return this.#leases.get(id)?.expiresAt;
  }

  /** The TTL it has now, in seconds; 0 where it is gone, or has expired and is only not swept yet. */
  renew(id: bigint, now: number): number {
    const lease = this.#leases.get(id);
    if (!lease || lease.expiresAt <= now) return 0;
    lease.expiresAt = now + lease.ttl * 1_000;
    return lease.ttl;
  }

  /** Forgets the lease; its keys, sorted, are the caller's to delete. */
  revoke(id: bigint): string[] {
    const lease = this.#leases.get(id);
    if (!lease) throw refusals.leaseNotFound();
    this.#leases.delete(id);
    return [...lease.keys].sort();
  }

  timeToLive(id: bigint, now: number): TimeToLive {
    const lease = this.#leases.get(id);
    if (!lease) return { ttl: -1, grantedTtl: 0, keys: [] };
    const ttl = Math.max(Math.trunc((lease.expiresAt - now) / 1_000), 0);
    const keys = [...lease.keys].sort().map((key) => Buffer.from(key, "latin1"));
    return { ttl, grantedTtl: lease.ttl, keys };
  }

  expired(now: number): bigint[] {
    return [...this.#leases].filter(([, { expiresAt }]) => expiresAt <= now).map(([id]) => id);
  }

  /** A new leader knows of no renewal, so each lease has all its time again, and the election's (lessor.Promote). */
  refresh(now: number, extendMs: number): void {
    for (const lease of this.#leases.values()) {
      lease.expiresAt = now + lease.ttl * 1_000 + extendMs;
    }
  }

  attach(id: bigint, key: string): void {
    this.#leases.get(id)?.keys.add(key);
  }

  detach(id: bigint, key: string): void {
    this.#leases.get(id)?.keys.delete(key);
  }
}
