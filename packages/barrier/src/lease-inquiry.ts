import { type EtcdConnection, type Patience, pause } from "@etcdkit/core/internal";

const ASK_AGAIN_MS = 50;

/** Whether a key that is gone went with its lease; one question to etcd for all who ask at the same time. */
export class LeaseInquiry {
  readonly #connection: EtcdConnection;
  readonly #key: Buffer;
  readonly #patience: Patience;
  readonly #open = new Map<bigint, Promise<boolean>>();

  constructor(connection: EtcdConnection, key: Buffer, patience: Patience) {
    this.#connection = connection;
    this.#key = key;
    this.#patience = patience;
  }

  /** `again` tells whether the key stands again with the same lease. */
  ended(lease: bigint, again: () => boolean): Promise<boolean> {
    let answer = this.#open.get(lease);
    if (!answer) {
      answer = this.#ask(lease, again).finally(() => this.#open.delete(lease));
      this.#open.set(lease, answer);
    }
    return answer;
  }

  async #ask(lease: bigint, again: () => boolean): Promise<boolean> {
    if (lease === 0n) return false;
    while (!again()) {
      const { ttl, keys } = await this.#connection.call(
        (etcd, call) => etcd.leaseTimeToLive(lease, call),
        this.#patience,
      );
      // 0 is the last second of a lease that lives
      if (ttl < 0) return true;
      if (!keys.some((key) => key.equals(this.#key))) return false;
      // the answer is of before the deletion: by a member that lags behind the one that told us
      await pause(this.#connection.clock, ASK_AGAIN_MS);
    }
    return false;
  }
}
