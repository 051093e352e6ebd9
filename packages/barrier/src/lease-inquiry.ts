import { CoordinationError } from "@etcdkit/core";
import {
  type EtcdConnection,
  type KeyValue,
  type Patience,
  pause,
  type TimeToLive,
} from "@etcdkit/core/internal";

const ASK_AGAIN_MS = 50;

/** Whether a hold that is over ended with its lease; one question to etcd for all who ask of it at the same time. */
export class LeaseInquiry {
  readonly #connection: EtcdConnection;
  readonly #key: Buffer;
  readonly #patience: Patience;
  /** By hold, not lease: the answer about an earlier hold on the same lease may be of before the end of this one. */
  readonly #open = new Map<string, Promise<boolean>>();

  constructor(connection: EtcdConnection, key: Buffer, patience: Patience) {
    this.#connection = connection;
    this.#key = key;
    this.#patience = patience;
  }

  /** `again` tells whether the key stands again with the same lease. */
  ended({ createRevision, lease }: KeyValue, again: () => boolean): Promise<boolean> {
    const hold = `${lease} ${createRevision}`;
    let answer = this.#open.get(hold);
    if (!answer) {
      answer = this.#ask(lease, again).finally(() => this.#open.delete(hold));
      this.#open.set(hold, answer);
    }
    return answer;
  }

  async #ask(lease: bigint, again: () => boolean): Promise<boolean> {
    if (lease === 0n) return false;
    while (!again()) {
      const { ttl, keys } = await this.#timeToLive(lease);
      // 0 is the last second of a lease that lives
      if (ttl < 0) return true;
      if (!keys.some((key) => key.equals(this.#key))) return false;
      // the answer is of before the deletion: by a member that lags behind the one that told us
      await pause(this.#connection.clock, ASK_AGAIN_MS);
    }
    return false;
  }

  async #timeToLive(lease: bigint): Promise<TimeToLive> {
    try {
      return await this.#connection.call(
        (etcd, call) => etcd.leaseTimeToLive(lease, { ...call, keys: true }),
        this.#patience,
      );
    } catch (error) {
      if (!(error instanceof CoordinationError) || error.code !== "PERMISSION_DENIED") throw error;
    }
    // The holder's session has keys that are not for us to read. Without them an answer does not show whether it is of before the
    // deletion: so a read comes first, after which the leader knows of all that was committed, and answers as of that or later.
    return await this.#connection.call(async (etcd, call) => {
      await etcd.range({ key: this.#key }, call);
      return await etcd.leaseTimeToLive(lease, call);
    }, this.#patience);
  }
}
