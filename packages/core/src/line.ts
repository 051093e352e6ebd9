import type { Timer } from "./clock.js";
import type { EtcdConnection } from "./connection.js";
import type { KeyValue, WatchEvent } from "./etcd.js";
import { underPrefix } from "./keys.js";
import type { Lines } from "./lines.js";
import { promptly } from "./members.js";
import { listRange, Snapshot } from "./snapshot.js";

/** One who waits or holds in a line: a key under its prefix. */
export interface Contender {
  readonly key: string;
  /** Its place: smaller is earlier. The fencing token of whoever holds by this key. */
  readonly fencingToken: bigint;
  readonly leaseId: bigint;
  readonly value: Buffer;
}

/** What makes one kind of line: who of those in it, in order, holds. */
export interface Policy {
  readonly kind: string;
  holders(order: Iterable<Contender>, prefix: string): Iterable<Contender>;
  /** Whether a key of this line can end so, after the prefix: others count as contenders too, but are told of. */
  belongs(suffix: string): boolean;
}

/** A place in the line, as the line sees it. */
export interface InLine {
  /** `idOf` its key. */
  readonly id: string;
  readonly createRevision: bigint;
  /** Every one ahead is gone. */
  turn(): void;
  /** Its key is not there any more. */
  deleted(): void;
  /** The line cannot be followed: no permission, or the connection is closed. */
  failed(error: unknown): void;
}

/** How long a line is followed after the last local contender has left. */
const LINGER_MS = 2_000;
/** After how long a line that could not be followed is tried again, for those who hold there. */
const FOLLOW_AGAIN_MS = 5_000;

/**
 * The line of one name as this connection sees it: while it is followed, one watch of the whole prefix tells every change,
 * and the order is kept here. The event that empties the way is the proof that it is somebody's turn.
 */
export class Line {
  readonly prefix: string;
  /** What it is called in error messages. */
  readonly what: string;
  readonly range: { key: Buffer; rangeEnd: Buffer };
  #users = 0;
  #snapshot: Snapshot | undefined;
  #stopLingering: (() => void) | undefined;
  #again: Timer | undefined;
  /** In the order of create revisions: a new key always has the greatest, so that appending keeps it. */
  #order = new Map<string, Contender>();
  /** Up to which revision `#order` is complete; undefined until the first list. */
  #revision: bigint | undefined;
  readonly #places = new Map<string, InLine>();
  #warned = false;

  constructor(
    readonly connection: EtcdConnection,
    readonly name: string,
    readonly policy: Policy,
    readonly registry: Lines,
  ) {
    this.prefix = `${name}/`;
    this.what = `${policy.kind} ${name}`;
    this.range = underPrefix(this.prefix);
  }

  get followed(): boolean {
    return this.#snapshot !== undefined;
  }

  /** Who of `order` holds. */
  holders(order: Iterable<Contender>): Iterable<Contender> {
    return this.policy.holders(order, this.prefix);
  }

  /** Keeps the line's state while somebody has to do with it. */
  retain(): void {
    if (this.#users++ === 0) this.registry.add(this);
    this.#stopLingering?.();
  }

  release(): void {
    if (--this.#users > 0) return;
    if (!this.#snapshot) return this.registry.forget(this);
    const timer = this.connection.clock.setTimer(LINGER_MS, () => this.stop());
    this.#stopLingering = () => {
      timer.cancel();
      this.#stopLingering = undefined;
    };
  }

  /** Follows the line, and tells `place` of its turn and of its end. */
  add(place: InLine): void {
    this.#places.set(place.id, place);
    this.#follow();
    if (this.#revision === undefined) return;
    this.#checkPresent(place);
    this.#settle();
  }

  remove(place: InLine): void {
    if (this.#places.get(place.id) === place) this.#places.delete(place.id);
    if (this.#places.size === 0) this.#again?.cancel();
  }

  #follow(): void {
    this.#again?.cancel();
    this.#snapshot ??= new Snapshot(this.connection, this.range, this.what, {
      state: (kvs, revision) => this.#state(kvs, revision),
      changes: (events) => this.#changes(events),
      startingOver: () => this.#forgetState(),
      failed: (error) => this.#failed(error),
    });
  }

  /** All contenders in order, read from etcd. */
  async contenders(): Promise<Contender[]> {
    this.retain();
    try {
      const patience = promptly(this.connection.clock, this.what);
      const { kvs } = await listRange(this.connection, this.range, patience);
      return kvs.sort(byCreateRevision).map(toContender);
    } finally {
      this.release();
    }
  }

  /** Follows no longer. */
  stop(): void {
    this.#stopLingering?.();
    this.#again?.cancel();
    this.#snapshot?.close();
    this.#snapshot = undefined;
    this.#forgetState();
    this.registry.forget(this);
  }

  /** Nothing is known of the line until it is read the next time. */
  #forgetState(): void {
    this.#order.clear();
    this.#revision = undefined;
  }

  #state(kvs: KeyValue[], revision: bigint): void {
    this.#order = new Map();
    for (const kv of kvs.sort(byCreateRevision)) this.#append(kv);
    this.#revision = revision;
    for (const place of [...this.#places.values()]) this.#checkPresent(place);
    this.#settle();
  }

  #changes(events: WatchEvent[]): void {
    for (const { type, kv } of events) {
      const id = idOf(kv.key);
      if (type === "put") {
        // an overwritten key keeps its create revision, and its place
        if (kv.version === 1n) this.#order.delete(id);
        this.#append(kv);
      } else {
        this.#order.delete(id);
      }
      this.#revision = kv.modRevision;
      const place = this.#places.get(id);
      if (type === "delete" && place && place.createRevision <= kv.modRevision) place.deleted();
    }
    this.#settle();
  }

  #append(kv: KeyValue): void {
    const contender = toContender(kv);
    this.#order.set(idOf(kv.key), contender);
    this.#warnOfStrangers(contender);
  }

  #checkPresent(place: InLine): void {
    if (this.#revision === undefined || this.#revision < place.createRevision) return;
    if (this.#order.get(place.id)?.fencingToken !== place.createRevision) place.deleted();
  }

  #settle(): void {
    for (const { key, fencingToken } of [...this.holders(this.#order.values())]) {
      const place = this.#places.get(idOf(Buffer.from(key)));
      if (place?.createRevision === fencingToken) place.turn();
    }
  }

  #failed(error: unknown): void {
    this.#snapshot = undefined;
    this.#forgetState();
    for (const place of [...this.#places.values()]) place.failed(error);
    // who waited is told and gone; who holds would not hear of its deleted key, though the line may be read again some day
    if (this.#places.size === 0) return;
    const { clock } = this.connection;
    this.#again = clock.setTimer(FOLLOW_AGAIN_MS, () => this.#follow());
  }

  /** A name that continues another after a slash shares its prefix: their holders block each other, in Go as well. */
  #warnOfStrangers({ key }: Contender): void {
    if (this.#warned || this.policy.belongs(key.slice(this.prefix.length))) return;
    this.#warned = true;
    process.emitWarning(
      `the key ${key} is in the line of ${this.what} but is none of its contenders; if ${key.slice(0, key.lastIndexOf("/"))} ` +
        `is a name in use, the two block each other: no name may continue another after a slash`,
      { type: "EtcdkitWarning", code: "ETCDKIT_NAME_OVERLAP" },
    );
  }
}

/** The bytes of a key as latin1 text: keys of others need not be UTF-8. */
export function idOf(key: Buffer): string {
  return key.toString("latin1");
}

function toContender(kv: KeyValue): Contender {
  return {
    key: kv.key.toString(),
    fencingToken: kv.createRevision,
    leaseId: kv.lease,
    value: kv.value,
  };
}

export function byCreateRevision(a: KeyValue, b: KeyValue): number {
  return a.createRevision < b.createRevision ? -1 : a.createRevision > b.createRevision ? 1 : 0;
}
