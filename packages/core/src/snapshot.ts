import type { EtcdConnection } from "./connection.js";
import { CoordinationError } from "./errors.js";
import {
  EtcdFailure,
  type KeyRange,
  type KeyValue,
  type RangeResult,
  type WatchEvent,
} from "./etcd.js";
import { type Patience, told } from "./members.js";
import type { Watch } from "./watch.js";

export interface SnapshotHandlers {
  /** All keys in the range as of `revision`: at first, and again where history was compacted in between. */
  state(kvs: KeyValue[], revision: bigint): void;
  /** What changed after the last `state` or `changes`, whole revisions in order. */
  changes(events: WatchEvent[]): void;
  /** etcd was put back to an earlier state: what was told is of another history, and a `state` of this one follows. */
  startingOver?: (() => void) | undefined;
  /** The last word: it cannot go on (no permission, or the connection was closed). */
  failed(error: unknown): void;
}

const PAGE = 1_000;

/** The state of a range now, and then each change, without a gap and without a repeat, for as long as it is open. */
export class Snapshot {
  readonly #connection: EtcdConnection;
  readonly #range: KeyRange;
  readonly #what: string;
  readonly #handlers: SnapshotHandlers;
  #watch: Watch | undefined;
  /** Abandons the listing under way when the watch it belongs to is over. */
  #attempt = new AbortController();
  #closed = false;

  constructor(
    connection: EtcdConnection,
    range: KeyRange,
    what: string,
    handlers: SnapshotHandlers,
  ) {
    this.#connection = connection;
    this.#range = range;
    this.#what = what;
    this.#handlers = handlers;
    this.#start();
  }

  close(): void {
    this.#closed = true;
    this.#attempt.abort();
    this.#watch?.close();
  }

  /**
   * Watch from now, and list beside it. A watch from now is served at once on every etcd, one that starts at the revision of
   * a list would wait for a loop of 100 ms (etcd, server/storage/mvcc/watchable_store.go).
   */
  #start(): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    let createdAt: bigint | undefined;
    let listed: { kvs: KeyValue[]; revision: bigint } | undefined;
    let early: WatchEvent[] = [];
    let joinedAt: bigint | undefined;

    const list = () => {
      const patience = { what: this.#what, signal: attempt.signal };
      listRange(this.#connection, this.#range, patience).then(
        (list) => {
          if (attempt.signal.aborted) return;
          listed = list;
          join();
        },
        (error) => {
          if (!attempt.signal.aborted) this.#fail(error);
        },
      );
    };
    const join = () => {
      if (createdAt === undefined || listed === undefined) return;
      const { kvs, revision } = listed;
      if (revision < createdAt) {
        // between this list and the start of the watch something may have happened that neither saw
        listed = undefined;
        return list();
      }
      joinedAt = revision;
      // or a compaction of what the list has seen would end the watch after its next cut
      this.#watch?.knownUpTo(revision);
      this.#handlers.state(kvs, revision);
      pass(early);
      early = [];
    };
    const pass = (events: WatchEvent[]) => {
      // the watch may lag behind the list: what the list has seen is no change
      const later = events.filter((event) => event.kv.modRevision > (joinedAt ?? 0n));
      if (later.length > 0 && !this.#closed) this.#handlers.changes(later);
    };

    this.#watch = this.#connection.watches.open(this.#range, {
      created: (revision) => {
        createdAt = revision;
        join();
      },
      events: (events) => {
        if (joinedAt === undefined) early.push(...events);
        else pass(events);
      },
      ended: (failure) => {
        attempt.abort();
        this.#ended(failure);
      },
    });
    list();
  }

  #ended(failure: EtcdFailure): void {
    if (this.#closed) return;
    if (failure.kind === "put-back") this.#handlers.startingOver?.();
    if (failure.kind === "put-back" || failure.kind === "compacted") this.#start();
    else this.#fail(told(failure, { what: this.#what }));
  }

  #fail(error: unknown): void {
    this.close();
    this.#handlers.failed(error);
  }
}

/** All keys of a range at one revision, read in pages. */
export async function listRange(
  connection: EtcdConnection,
  range: KeyRange,
  patience: Patience,
): Promise<{ kvs: KeyValue[]; revision: bigint }> {
  for (;;) {
    try {
      return await listPages(connection, range, patience);
    } catch (error) {
      // compacted between two pages: the revision of the first cannot be read any more
      if (!(error instanceof EtcdFailure) || error.kind !== "compacted") throw error;
    }
  }
}

async function listPages(connection: EtcdConnection, range: KeyRange, patience: Patience) {
  const kvs: KeyValue[] = [];
  let revision = 0n;
  let limit = PAGE;
  for (let key = range.key; ; ) {
    const request = { ...range, key, limit, revision };
    let page: RangeResult;
    try {
      page = await connection.call((etcd, call) => etcd.range(request, call), patience);
    } catch (error) {
      // what others wrote may be as large as etcd takes it; one key alone always fits
      if (limit === 1 || !isTooLarge(error)) throw error;
      limit = Math.ceil(limit / 8);
      continue;
    }
    kvs.push(...page.kvs);
    revision ||= page.revision;
    const last = page.kvs.at(-1);
    if (!page.more || !last) return { kvs, revision };
    key = Buffer.concat([last.key, Buffer.from([0])]);
  }
}

function isTooLarge(error: unknown): boolean {
  if (!(error instanceof CoordinationError)) return false;
  return error.cause instanceof EtcdFailure && error.cause.kind === "too-large";
}
