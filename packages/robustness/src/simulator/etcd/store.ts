import type { KeyRange, KeyValue, WatchEvent } from "@etcdkit/core/internal";
import { covers, type Interval, idOf, intervalOf } from "./key-range.js";
import { refusals } from "./refusal.js";

const FIRST_REVISION = 1n;
const NO_BYTES = Buffer.alloc(0);

/** Keys, their versions and the history of all changes (etcd, server/storage/mvcc). */
export class Store {
  #revision = FIRST_REVISION;
  #compacted = 0n;
  readonly #live = new Map<string, KeyValue>();
  /** The keys of `#live`, sorted. */
  readonly #sorted: string[] = [];
  /** Of the revision after the first, and so on; never cut short, for checkers to read. */
  readonly #history: WatchEvent[][] = [];
  #change: WatchEvent[] = [];

  get revision(): bigint {
    return this.#revision;
  }

  /** What is older cannot be read any more. */
  get compacted(): bigint {
    return this.#compacted;
  }

  get keys(): readonly string[] {
    return this.#sorted;
  }

  get(id: string): KeyValue | undefined {
    return this.#live.get(id);
  }

  /** What happened at one revision, whether compacted or not. */
  at(revision: bigint): readonly WatchEvent[] {
    return this.#history[Number(revision - FIRST_REVISION) - 1] ?? [];
  }

  /** The live keys of a range, in the order of keys; within a change, as it has left them by then. */
  within(range: KeyRange): KeyValue[] {
    const interval = intervalOf(range);
    const found: KeyValue[] = [];
    for (let index = this.#indexOf(interval.from); index < this.#sorted.length; index++) {
      const id = this.#sorted[index] as string;
      if (!covers(interval, id)) break;
      found.push(this.#live.get(id) as KeyValue);
    }
    return found;
  }

  /** As of an older revision. */
  withinAt(range: KeyRange, revision: bigint): KeyValue[] {
    if (revision < this.#compacted) throw refusals.compacted();
    if (revision > this.#revision) throw refusals.future();
    const interval: Interval = intervalOf(range);
    const found = new Map<string, KeyValue>();
    for (let past = FIRST_REVISION + 1n; past <= revision; past++) {
      for (const { type, kv } of this.at(past)) {
        const id = idOf(kv.key);
        if (!covers(interval, id)) continue;
        if (type === "put") found.set(id, kv);
        else found.delete(id);
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kv]) => kv);
  }

  /** Part of the change under way. */
  put(key: Buffer, value: Buffer, lease: bigint): void {
    const id = idOf(key);
    const prevKv = this.#live.get(id);
    const modRevision = this.#revision + 1n;
    const createRevision = prevKv?.createRevision ?? modRevision;
    const version = (prevKv?.version ?? 0n) + 1n;
    const kv = { key, value, createRevision, modRevision, version, lease };
    if (!prevKv) this.#sorted.splice(this.#indexOf(id), 0, id);
    this.#live.set(id, kv);
    this.#change.push({ type: "put", kv, ...(prevKv && { prevKv }) });
  }

  /** Part of the change under way. Returns what was deleted. */
  delete(range: KeyRange): KeyValue[] {
    const gone = this.within(range);
    for (const prevKv of gone) {
      const { key } = prevKv;
      const id = idOf(key);
      this.#live.delete(id);
      this.#sorted.splice(this.#indexOf(id), 1);
      const none = { value: NO_BYTES, createRevision: 0n, version: 0n, lease: 0n };
      const kv = { key, ...none, modRevision: this.#revision + 1n };
      this.#change.push({ type: "delete", kv, prevKv });
    }
    return gone;
  }

  /** Ends the change under way: all of it has one revision, and where nothing was written none is used up. */
  commit(): bigint {
    if (this.#change.length > 0) {
      this.#history.push(this.#change);
      this.#change = [];
      this.#revision++;
    }
    return this.#revision;
  }

  compact(revision: bigint): void {
    if (revision <= this.#compacted) throw refusals.compacted();
    if (revision > this.#revision) throw refusals.future();
    this.#compacted = revision;
  }

  /** Where `id` is in the sorted keys, or would be. */
  #indexOf(id: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as string) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
