import {
  type EtcdConnection,
  EtcdFailure,
  type KeyValue,
  type Patience,
} from "@etcdkit/core/internal";

/** How a hold was last, for those who saw it stand and then saw it gone; one search in etcd's history for all who ask at the same time. */
export class UnseenEnd {
  readonly #connection: EtcdConnection;
  readonly #patience: Patience;
  readonly #open = new Map<bigint, Promise<KeyValue | undefined>>();

  constructor(connection: EtcdConnection, patience: Patience) {
    this.#connection = connection;
    this.#patience = patience;
  }

  /** Undefined where that history is compacted. `held` is the hold as it was seen; at revision `goneAt` it was gone. */
  lastOf(held: KeyValue, goneAt: bigint): Promise<KeyValue | undefined> {
    const { createRevision } = held;
    let search = this.#open.get(createRevision);
    if (!search) {
      search = this.#search(held, goneAt).finally(() => this.#open.delete(createRevision));
      this.#open.set(createRevision, search);
    }
    return search;
  }

  async #search(held: KeyValue, goneAt: bigint): Promise<KeyValue | undefined> {
    let last: KeyValue | undefined = held;
    let [from, to] = [held.modRevision, goneAt];
    while (to - from > 1n) {
      const middle = (from + to) / 2n;
      const then = await this.#asOf(held.key, middle);
      if (then !== "compacted" && then?.createRevision !== held.createRevision) {
        to = middle;
        continue;
      }
      from = middle;
      last = then === "compacted" ? undefined : then;
    }
    return last;
  }

  async #asOf(key: Buffer, revision: bigint): Promise<KeyValue | undefined | "compacted"> {
    try {
      const request = { key, revision };
      const { kvs } = await this.#connection.call(
        (etcd, call) => etcd.range(request, call),
        this.#patience,
      );
      return kvs[0];
    } catch (error) {
      if (error instanceof EtcdFailure && error.kind === "compacted") return "compacted";
      throw error;
    }
  }
}
