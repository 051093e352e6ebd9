import {
  type EtcdConnection,
  type KeyValue,
  Snapshot,
  unlessAborted,
  type WatchEvent,
} from "@etcdkit/core/internal";
import { BarrierError } from "./errors.js";
import { failsWaiters } from "./hold-value.js";
import { LeaseInquiry } from "./lease-inquiry.js";
import { Shared } from "./shared.js";
import { UnseenEnd } from "./unseen-end.js";

/** Of a hold. */
interface End {
  /** As it was last seen. */
  last: KeyValue;
  /** Each change up to the end was seen. */
  seen: boolean;
  /** It was gone by this revision. */
  goneAt: bigint;
}

interface Waiter {
  /** The hold whose end it waits for. */
  readonly held: KeyValue;
  /** That hold was there at this revision: what a watch that lags behind tells from before does not count. */
  since: bigint;
  gone(end: End): void;
  failed(error: unknown): void;
}

interface Seen {
  kv: KeyValue | undefined;
  revision: bigint;
}

const shared = new Shared<AwaitedKey>();

/** The key of one barrier as those of one connection see it who wait for its deletion: one watch for all of them. */
export class AwaitedKey {
  readonly #key: Buffer;
  readonly #waiters = new Set<Waiter>();
  #users = 0;
  /** Ends the reads when nobody waits any more. */
  readonly #over = new AbortController();
  #reading: Promise<Seen> | undefined;
  #nextReading: Promise<Seen> | undefined;
  #snapshot: Snapshot | undefined;
  /** Up to which revision `#now` is known; undefined until the first list. */
  #revision: bigint | undefined;
  #now: KeyValue | undefined;
  /** The last hold there was, as it was last. */
  #last: KeyValue | undefined;
  /** The last hold whose end was seen, as it was then. */
  #seenToEnd: KeyValue | undefined;
  readonly #inquiry: LeaseInquiry;
  readonly #unseen: UnseenEnd;

  private constructor(
    readonly connection: EtcdConnection,
    readonly name: string,
  ) {
    this.#key = Buffer.from(name);
    const patience = { what: this.what, signal: this.#over.signal };
    this.#inquiry = new LeaseInquiry(connection, this.#key, patience);
    this.#unseen = new UnseenEnd(connection, patience);
  }

  static of(connection: EtcdConnection, name: string): AwaitedKey {
    return shared.get(connection, name, () => new AwaitedKey(connection, name));
  }

  get what(): string {
    return `barrier ${this.name}`;
  }

  /** How many wait for what the watch will tell; 0 until it tells all. */
  get waiting(): number {
    return this.#revision === undefined ? 0 : this.#waiters.size;
  }

  /** Resolves at once if the key is absent, else when what is there now has been deleted. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    this.#users++;
    let waiter: Waiter | undefined;
    try {
      const { kv: held, revision: since } = await unlessAborted(this.#look(), signal);
      if (!held) return;
      const deletion = new Promise<End>((gone, failed) => {
        waiter = { held, since, gone, failed };
        this.#add(waiter);
      });
      const end = await unlessAborted(deletion, signal);
      if (await unlessAborted(this.#died(end), signal)) {
        const told = `${this.what}: whoever held it ended without a release`;
        throw new BarrierError("HOLDER_LOST", told);
      }
    } finally {
      if (waiter) this.#waiters.delete(waiter);
      if (--this.#users === 0) this.#stop();
    }
  }

  /** By a read that begins after this call, for all who ask before it does: one under way may have read before it. */
  #look(): Promise<Seen> {
    this.#nextReading ??= this.#read(this.#reading);
    return this.#nextReading;
  }

  async #read(before: Promise<Seen> | undefined): Promise<Seen> {
    await before?.catch(() => undefined);
    this.#reading = this.#nextReading;
    this.#nextReading = undefined;
    const patience = { what: this.what, signal: this.#over.signal };
    const request = { key: this.#key };
    const { kvs, revision } = await this.connection.call(
      (etcd, call) => etcd.range(request, call),
      patience,
    );
    return { kv: kvs[0], revision };
  }

  #add(waiter: Waiter): void {
    this.#waiters.add(waiter);
    this.#follow();
    this.#check(waiter);
  }

  #follow(): void {
    this.#snapshot ??= new Snapshot(this.connection, { key: this.#key }, this.what, {
      state: ([kv], revision) => this.#became(kv, revision),
      changes: (events) => this.#changes(events),
      startingOver: () => this.#forgetState(),
      failed: (error) => this.#failed(error),
    });
  }

  /** What was seen is of another history, and its revisions tell nothing in this one: who waits goes by what is there now. */
  #forgetState(): void {
    this.#revision = undefined;
    this.#now = undefined;
    this.#last = undefined;
    this.#seenToEnd = undefined;
    for (const waiter of this.#waiters) waiter.since = 0n;
  }

  #changes(events: WatchEvent[]): void {
    for (const { type, kv } of events) {
      if (this.#now && type === "delete") this.#seenToEnd = this.#now;
      this.#became(type === "put" ? kv : undefined, kv.modRevision);
    }
  }

  #became(kv: KeyValue | undefined, revision: bigint): void {
    this.#revision = revision;
    this.#now = kv;
    if (kv) this.#last = kv;
    for (const waiter of this.#waiters) this.#check(waiter);
  }

  #check({ held, since, gone }: Waiter): void {
    if (this.#revision === undefined || this.#revision < since) return;
    const isIt = (hold: KeyValue | undefined) => hold?.createRevision === held.createRevision;
    if (isIt(this.#now)) return;
    // a look that was answered late tells of it as it was before: another may hold by now
    const last = [this.#seenToEnd, this.#last].find(isIt) ?? held;
    gone({ last, seen: isIt(this.#seenToEnd), goneAt: this.#revision });
  }

  /** A key that fails its waiters is gone, and was not marked as released: with its lease, or by somebody's hand. */
  async #died({ last, seen, goneAt }: End): Promise<boolean> {
    const { lease, value } = last;
    if (!failsWaiters(value)) return false;
    const withLease = await this.#inquiry.ended(last, () => this.#now?.lease === lease);
    if (!withLease || seen) return withLease;
    // the lease may have ended after a release
    const marked = await this.#unseen.lastOf(last, goneAt);
    return failsWaiters((marked ?? last).value);
  }

  #failed(error: unknown): void {
    this.#snapshot = undefined;
    this.#revision = undefined;
    for (const waiter of this.#waiters) waiter.failed(error);
  }

  #stop(): void {
    shared.forget(this.connection, this.name);
    this.#snapshot?.close();
    this.#over.abort();
  }
}
