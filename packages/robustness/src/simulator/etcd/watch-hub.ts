import type { KeyRange, WatchEvent, WatchReply } from "@etcdkit/core/internal";
import { covers, type Interval, idOf, intervalOf } from "./key-range.js";
import type { Store } from "./store.js";

export interface WatchRequest extends KeyRange {
  id: bigint;
  startRevision: bigint;
  prevKv: boolean;
}

interface Watcher extends WatchRequest {
  readonly interval: Interval;
  readonly feed: WatchFeed;
  /** The first revision that it has not been sent. */
  next: bigint;
  synced: boolean;
}

/** etcd sends at most so many revisions of the past at once (etcd, server/storage/mvcc/watcher_group.go: watchBatchMaxRevs). */
const MOST_REVISIONS = 1_000;

/**
 * The watches of one member (etcd, server/storage/mvcc/watchable_store.go): those that are synced are told of each revision as
 * the member applies it, those that begin in the past by a loop that `sync()` is one turn of.
 */
export class WatchHub {
  readonly store: Store;
  #applied: bigint;
  readonly #watchers = new Set<Watcher>();

  constructor(store: Store) {
    this.store = store;
    this.#applied = store.revision;
  }

  /** Up to which revision this member has applied what the cluster agreed on. */
  get applied(): bigint {
    return this.#applied;
  }

  get unsynced(): boolean {
    for (const { synced } of this.#watchers) if (!synced) return true;
    return false;
  }

  /** A new watch stream, whose replies `send` takes. */
  open(send: (reply: WatchReply) => void): WatchFeed {
    return new WatchFeed(this, this.#watchers, send);
  }

  /** Applies all up to `revision`. */
  apply(revision: bigint): void {
    while (this.#applied < revision) {
      this.#applied++;
      const changes = this.store.at(this.#applied);
      for (const watcher of this.#watchers) {
        if (!watcher.synced || watcher.next > this.#applied) continue;
        watcher.next = this.#applied + 1n;
        this.#send(watcher, this.#eventsFor(watcher, changes));
      }
    }
  }

  /** Every 100 ms. */
  sync(): void {
    for (const watcher of [...this.#watchers]) {
      if (watcher.synced) continue;
      if (watcher.next < this.store.compacted) {
        this.#watchers.delete(watcher);
        const { compacted: compactRevision } = this.store;
        watcher.feed.reply({ id: watcher.id, canceled: true, compactRevision });
        continue;
      }
      const events: WatchEvent[] = [];
      let revisions = 0;
      for (; watcher.next <= this.#applied && revisions < MOST_REVISIONS; watcher.next++) {
        const found = this.#eventsFor(watcher, this.store.at(watcher.next));
        if (found.length > 0) revisions++;
        events.push(...found);
      }
      watcher.synced = watcher.next > this.#applied;
      this.#send(watcher, events);
    }
  }

  #eventsFor({ interval, prevKv }: Watcher, changes: readonly WatchEvent[]): WatchEvent[] {
    return changes
      .filter(({ kv }) => covers(interval, idOf(kv.key)))
      .map((event) => (prevKv ? this.#withPrevious(event) : { type: event.type, kv: event.kv }));
  }

  #withPrevious({ type, kv, prevKv }: WatchEvent): WatchEvent {
    // read as of the revision before, which may be compacted by now
    const before = kv.modRevision - 1n;
    if (!prevKv || before < this.store.compacted) return { type, kv };
    // what came and went within one transaction was not there before it
    const sameChange = prevKv.modRevision === kv.modRevision;
    const [was] = sameChange ? this.store.withinAt({ key: kv.key }, before) : [prevKv];
    return { type, kv, ...(was && { prevKv: was }) };
  }

  #send({ feed, id }: Watcher, events: WatchEvent[]): void {
    if (events.length > 0) feed.reply({ id, events });
  }
}

/** The watches of one stream. */
export class WatchFeed {
  readonly #hub: WatchHub;
  readonly #all: Set<Watcher>;
  readonly #own = new Map<bigint, Watcher>();
  readonly #send: (reply: WatchReply) => void;

  constructor(hub: WatchHub, all: Set<Watcher>, send: (reply: WatchReply) => void) {
    this.#hub = hub;
    this.#all = all;
    this.#send = send;
  }

  create(request: WatchRequest): void {
    const { applied } = this.#hub;
    const { id, startRevision } = request;
    const synced = startRevision === 0n || startRevision > applied;
    const next = startRevision === 0n ? applied + 1n : startRevision;
    const watcher = { ...request, interval: intervalOf(request), feed: this, next, synced };
    this.#own.set(id, watcher);
    this.#all.add(watcher);
    this.reply({ id, created: true });
  }

  cancel(id: bigint): void {
    const watcher = this.#own.get(id);
    if (!watcher) return;
    this.#own.delete(id);
    this.#all.delete(watcher);
    // also of one that was compacted away, and told so
    this.reply({ id, canceled: true });
  }

  /** Answered only when no watch of the stream is behind (watchableStore.progressIfSync). */
  progress(): void {
    const { applied } = this.#hub;
    const here = [...this.#own.values()].filter((watcher) => this.#all.has(watcher));
    if (here.length === 0) return;
    if (here.some(({ synced, startRevision }) => !synced || startRevision > applied)) return;
    this.reply({ id: -1n });
  }

  close(): void {
    for (const watcher of this.#own.values()) this.#all.delete(watcher);
    this.#own.clear();
  }

  reply(reply: Partial<WatchReply> & { id: bigint }): void {
    this.#send({
      revision: this.#hub.applied,
      created: false,
      canceled: false,
      compactRevision: 0n,
      cancelReason: "",
      fragment: false,
      events: [],
      ...reply,
    });
  }
}
