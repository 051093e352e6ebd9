import {
  byCreateRevision,
  type EtcdConnection,
  idOf,
  type KeyValue,
  Snapshot,
  underPrefix,
  type WatchEvent,
} from "@etcdkit/core/internal";
import { agrees, type Present, present, type Ready, readyOf } from "./present.js";
import { Shared } from "./shared.js";

/** One of ours, as the gathering sees it. */
export interface Attendant {
  readonly createRevision: bigint;
  /** Something has changed, at or after its create revision. */
  look(): void;
  /** The barrier cannot be followed: no permission, or the connection is closed. */
  failed(error: unknown): void;
}

/** How long a barrier is followed after the last of ours has left it: the next round finds the watch open. */
const LINGER_MS = 2_000;

const shared = new Shared<Gathering>();

/**
 * Who is in one double barrier, as a connection sees it: one watch of all its keys. Each put of `ready` lets those in whose keys
 * are older, and a newer key waits for the next put (etcd, client/v3/experimental/recipes/double_barrier.go), so that
 * the revisions tell of each key whether its member has entered.
 */
export class Gathering {
  /** Of all its keys. */
  readonly range: { key: Buffer; rangeEnd: Buffer };
  readonly ready: Buffer;
  readonly waiters: { key: Buffer; rangeEnd: Buffer };
  readonly #attendants = new Set<Attendant>();
  #users = 0;
  #snapshot: Snapshot | undefined;
  #stopLingering: (() => void) | undefined;
  /** Of the members, in the order of create revisions: a new key always has the greatest, so that appending keeps it. */
  #keys = new Map<string, Present>();
  /** Up to which revision all this is known; undefined until the first list. */
  #revision: bigint | undefined;
  #readyRevision = 0n;
  #lastReady = readyOf(undefined);
  /** Until something changes. */
  readonly #byCount = new Map<number, readonly Present[]>();

  private constructor(
    readonly connection: EtcdConnection,
    readonly name: string,
  ) {
    this.range = underPrefix(`${name}/`);
    this.ready = Buffer.from(`${name}/ready`);
    this.waiters = underPrefix(`${name}/waiters/`);
  }

  readonly isMember = ({ key }: KeyValue): boolean => {
    const { key: prefix } = this.waiters;
    return key.subarray(0, prefix.length).equals(prefix);
  };

  static of(connection: EtcdConnection, name: string): Gathering {
    return shared.get(connection, name, () => new Gathering(connection, name));
  }

  /** Up to which revision it is known who is there; 0n before the first list. */
  get revision(): bigint {
    return this.#revision ?? 0n;
  }

  /** The mod revision of `ready`; 0n where it is absent. */
  get readyRevision(): bigint {
    return this.#readyRevision;
  }

  /** Whose create revision is not above that of its put has entered, or is of another count; also when it has gone again. */
  get lastReady(): Ready {
    return this.#lastReady;
  }

  /** Those of this count, in order. */
  members(count: number): readonly Present[] {
    let members = this.#byCount.get(count);
    if (!members) {
      members = [...this.#keys.values()].filter(agrees(count));
      this.#byCount.set(count, members);
    }
    return members;
  }

  /** Whether the key is there since this revision. */
  has(key: Buffer, createRevision: bigint): boolean {
    return this.#keys.get(idOf(key))?.createRevision === createRevision;
  }

  /** Follows the barrier from now on until `release`. */
  retain(): void {
    this.#users++;
    this.#stopLingering?.();
    this.#follow();
  }

  release(): void {
    if (--this.#users > 0) return;
    const timer = this.connection.clock.setTimer(LINGER_MS, () => this.#stop());
    this.#stopLingering = () => {
      timer.cancel();
      this.#stopLingering = undefined;
    };
    if (!this.#snapshot) this.#stop();
  }

  add(attendant: Attendant): void {
    this.#attendants.add(attendant);
    this.#follow();
    this.#show(attendant);
  }

  remove(attendant: Attendant): void {
    this.#attendants.delete(attendant);
  }

  #follow(): void {
    this.#snapshot ??= new Snapshot(this.connection, this.range, `double barrier ${this.name}`, {
      state: (kvs, revision) => this.#state(kvs, revision),
      changes: (events) => this.#changes(events),
      startingOver: () => this.#forgetState(),
      failed: (error) => this.#failed(error),
    });
  }

  #state(kvs: KeyValue[], revision: bigint): void {
    this.#keys = new Map();
    this.#readyRevision = 0n;
    for (const kv of kvs.sort(byCreateRevision)) this.#put(kv);
    this.#showAll(revision);
  }

  #changes(events: WatchEvent[]): void {
    let revision = 0n;
    for (const { type, kv } of events) {
      revision = kv.modRevision;
      if (type === "put") this.#put(kv);
      else if (kv.key.equals(this.ready)) this.#readyRevision = 0n;
      else this.#keys.delete(idOf(kv.key));
    }
    this.#showAll(revision);
  }

  #put(kv: KeyValue): void {
    if (kv.key.equals(this.ready)) {
      this.#readyRevision = kv.modRevision;
      if (kv.modRevision > this.#lastReady.modRevision) this.#lastReady = readyOf(kv);
      return;
    }
    if (this.isMember(kv)) this.#keys.set(idOf(kv.key), present(kv));
  }

  #showAll(revision: bigint): void {
    this.#revision = revision;
    this.#byCount.clear();
    for (const attendant of [...this.#attendants]) this.#show(attendant);
  }

  #show(attendant: Attendant): void {
    if (this.#revision === undefined || this.#revision < attendant.createRevision) return;
    attendant.look();
  }

  #failed(error: unknown): void {
    this.#snapshot = undefined;
    this.#forgetState();
    for (const attendant of [...this.#attendants]) attendant.failed(error);
    if (this.#users === 0) this.#stop();
  }

  #stop(): void {
    this.#stopLingering?.();
    this.#snapshot?.close();
    this.#snapshot = undefined;
    this.#forgetState();
    shared.forget(this.connection, this.name);
  }

  #forgetState(): void {
    this.#revision = undefined;
    this.#keys.clear();
    this.#byCount.clear();
    this.#readyRevision = 0n;
    this.#lastReady = readyOf(undefined);
  }
}
