import type { EtcdConnection, KeyValue, Lease, Patience, Txn } from "@etcdkit/core/internal";
import { EtcdFailure, Snapshot } from "@etcdkit/core/internal";
import { type MemberInfo, readEntry } from "./entry.js";
import { isConnectionClosed } from "./errors.js";
import type { Layout } from "./layout.js";

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
  async put(lease: Lease, value: Buffer, patience: Patience): Promise<void> {
    const base = this.#kv;
    const key = this.#key;
    const txn: Txn = {
      scope: this.#scope,
      compare: [
        { key, modRevision: base?.modRevision ?? 0n },
        // an attempt that arrives after we have left must not bring us back
        { key: this.#goodbye, createRevision: 0n },
      ],
      success: [{ put: { key, value, lease: lease.id } }],
      failure: [{ range: { key } }],
    };
    const over = () => lease.lossReason ?? patience.over?.();
    try {
      const operation = { ...patience, over };
      const result = await this.#connection.call((etcd, call) => etcd.txn(txn, call), operation);
      const { revision } = result;
      const created = base?.createRevision ?? revision;
      const written = { key, value, createRevision: created, modRevision: revision, version: 0n };
      const put = { ...written, lease: lease.id };
      this.#note(result.succeeded ? put : result.results[0]?.range?.kvs[0], revision);
    } catch (error) {
      if (!(error instanceof EtcdFailure) || error.kind !== "lease-not-found") throw error;
      lease.gone();
      throw lease.lossReason;
    }
  }

  /**
   * Deletes the key and puts the goodbye in one revision, where the key is ours by then; both are gone when `lease` is. True if
   * the goodbye was said. Tried until it is answered or `patience` ends.
   */
  async leave(lease: Lease, ours: (kv: KeyValue) => boolean, patience: Patience): Promise<boolean> {
    const key = this.#key;
    let kv = this.#kv ?? (await this.#read(patience));
    while (kv && ours(kv)) {
      const txn: Txn = {
        scope: this.#scope,
        compare: [{ key, modRevision: kv.modRevision }],
        success: [
          { deleteRange: { key } },
          { put: { key: this.#goodbye, value: Buffer.alloc(0), lease: lease.id } },
        ],
        failure: [{ range: { key } }, { range: { key: this.#goodbye } }],
      };
      const result = await this.#connection.call((etcd, call) => etcd.txn(txn, call), patience);
      if (result.succeeded) return true;
      const [own, goodbye] = result.results.map(({ range }) => range?.kvs[0]);
      // said by our own attempt without an answer
      if (goodbye) return true;
      kv = own;
    }
    return false;
  }

  #stopWaiting: () => void = () => undefined;

  async #read(patience: Patience): Promise<KeyValue | undefined> {
    const request = { key: this.#key };
    const read = await this.#connection.call((etcd, call) => etcd.range(request, call), patience);
    return read.kvs[0];
  }

  /** False if it is no news. */
  #note(kv: KeyValue | undefined, revision: bigint): boolean {
    if (revision <= this.#revision) return false;
    this.#revision = revision;
    const news = kv?.modRevision !== this.#kv?.modRevision;
    this.#kv = kv;
    return news;
  }
}
