import type { EtcdConnection, KeyValue, Lease, Patience, Txn } from "@etcdkit/core/internal";
import { EtcdFailure, Snapshot } from "@etcdkit/core/internal";
import { type MemberInfo, readEntry } from "./entry.js";
import { isConnectionClosed } from "./errors.js";
import type { Layout } from "./layout.js";

/** `overtaken`: somebody wrote first; `left`: the goodbye is there, and nothing can be written for as long as it is. */
export type PutResult = "written" | "overtaken" | "left";

const REOPEN_MS = 5_000;

/**
 * The key of one member, and what is known of it: by the replies to our writes and by a watch, whichever is newer. Every write
 * compares that nobody has written since, so that none undoes another's, and one that arrives late undoes nothing.
 */
export class OwnKey {
  readonly #connection: EtcdConnection;
  readonly #id: string;
  readonly #what: string;
  readonly #key: Buffer;
  readonly #goodbye: Buffer;
  /** Of the transactions, for group commit: all of this member and none of another, as no id has a slash in it. */
  readonly #scope: string;
  #revision = 0n;
  #kv: KeyValue | undefined;
  #snapshot: Snapshot | undefined;
  #over = false;
  /** An attempt of ours got no answer: it may have been carried out, or may yet be. */
  #stray = false;

  constructor(
    connection: EtcdConnection,
    layout: Layout,
    { id, incarnation, what }: { id: string; incarnation: string; what: string },
  ) {
    this.#connection = connection;
    this.#id = id;
    this.#what = what;
    this.#key = layout.entryKey(id);
    this.#goodbye = layout.goodbyeKey(id, incarnation);
    this.#scope = `${this.#key}/`;
  }

  /** As far as we know; undefined: not there. */
  get kv(): KeyValue | undefined {
    return this.#kv;
  }

  /** Whose it is; undefined where it is not there, or cannot be read. */
  get owner(): MemberInfo | undefined {
    return this.#kv && readEntry(this.#id, this.#kv);
  }

  /** Keeps what is known up to date, and calls `changed` at each change made by another. */
  watch(changed: () => void): void {
    if (this.#over) return;
    const note = (kv: KeyValue | undefined, revision: bigint) => {
      if (this.#note(kv, revision)) changed();
    };
    this.#snapshot = new Snapshot(this.#connection, { key: this.#key }, this.#what, {
      state: ([kv], revision) => note(kv, revision),
      changes: (events) => {
        for (const { type, kv } of events) note(type === "put" ? kv : undefined, kv.modRevision);
      },
      failed: (error) => {
        if (isConnectionClosed(error)) return;
        // not allowed to read, say: the lease still tells whether we are there
        const again = this.#connection.clock.setTimer(REOPEN_MS, () => this.watch(changed));
        this.#stopWaiting = () => again.cancel();
      },
    });
  }

  close(): void {
    this.#over = true;
    this.#stopWaiting();
    this.#snapshot?.close();
  }

  /** Writes, unless somebody has written since the last we know, or the goodbye is there. What is known then is true. */
  async put(lease: Lease, value: Buffer, patience: Patience): Promise<PutResult> {
    const base = this.#kv;
    const known = this.#revision;
    const key = this.#key;
    const txn: Txn = {
      scope: this.#scope,
      compare: [
        { key, modRevision: base?.modRevision ?? 0n },
        // an attempt that arrives after we have left must not bring us back
        { key: this.#goodbye, createRevision: 0n },
      ],
      success: [{ put: { key, value, lease: lease.id } }],
      failure: [{ range: { key } }, { range: { key: this.#goodbye } }],
    };
    const over = (last?: EtcdFailure) => lease.lossReason ?? patience.over?.(last);
    const unanswered = () => {
      this.#stray = true;
    };
    try {
      const operation = { ...patience, over, unanswered };
      const result = await this.#connection.call((etcd, call) => etcd.txn(txn, call), operation);
      const { revision, succeeded } = result;
      // etcd was put back to an earlier state: what was known is not true of it
      if (revision < known) this.#revision = 0n;
      const created = base?.createRevision ?? revision;
      const written = { key, value, createRevision: created, modRevision: revision, version: 0n };
      const put = { ...written, lease: lease.id };
      const [found, goodbye] = result.results.map(({ range }) => range?.kvs[0]);
      this.#note(succeeded ? put : found, revision);
      if (succeeded) return "written";
      return goodbye ? "left" : "overtaken";
    } catch (error) {
      if (!(error instanceof EtcdFailure) || error.kind !== "lease-not-found") throw error;
      lease.gone();
      throw lease.lossReason;
    }
  }

  /**
   * Puts the goodbye, and in the same revision deletes the key where it is ours by then; an attempt to write it that arrives later
   * is refused. Writes nothing where none of ours is there or to come. True if the key was deleted; the goodbye is gone when
   * `lease` is. Tried until it is answered or `patience` ends.
   */
  async leave(lease: Lease, ours: (kv: KeyValue) => boolean, patience: Patience): Promise<boolean> {
    const key = this.#key;
    for (let kv = this.#kv; ; ) {
      const own = kv !== undefined && ours(kv);
      if (!own && !this.#stray) return false;
      const goodbye = { put: { key: this.#goodbye, value: Buffer.alloc(0), lease: lease.id } };
      const txn: Txn = {
        scope: this.#scope,
        compare: [{ key, modRevision: kv?.modRevision ?? 0n }],
        success: own ? [{ deleteRange: { key } }, goodbye] : [goodbye],
        failure: [{ range: { key } }, { range: { key: this.#goodbye } }],
      };
      const result = await this.#connection.call((etcd, call) => etcd.txn(txn, call), patience);
      if (result.succeeded) return own;
      const [found, said] = result.results.map(({ range }) => range?.kvs[0]);
      // by our own attempt without an answer
      if (said && !(found && ours(found))) return true;
      kv = found;
    }
  }

  #stopWaiting: () => void = () => undefined;

  /** False if it is no news. */
  #note(kv: KeyValue | undefined, revision: bigint): boolean {
    if (revision <= this.#revision) return false;
    this.#revision = revision;
    const news = kv?.modRevision !== this.#kv?.modRevision;
    this.#kv = kv;
    return news;
  }
}
