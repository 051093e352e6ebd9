import type { Etcd } from "./etcd.js";

/**
 * How far etcd's history has come, by all that its members have said. Reads and writes are linearizable (etcd.io, docs/learning:
 * KV API guarantees): an answer of a smaller revision than one that was known when it was asked for is from an etcd that was put back to
 * an earlier state, by a restored snapshot or an emptied data folder.
 */
export class History {
  #known = 0n;
  /** How often it went back: what was asked for before says nothing of the present one. */
  #turns = 0;
  readonly #wentBack: () => void;

  constructor(wentBack: () => void) {
    this.#wentBack = wentBack;
  }

  /** The same member, whose answers are compared with what was known. */
  follow(etcd: Etcd): Etcd {
    return {
      txn: (txn, call) => this.#compare(() => etcd.txn(txn, call)),
      range: (request, call) => this.#compare(() => etcd.range(request, call)),
      leaseGrant: (lease, ttl, call) => etcd.leaseGrant(lease, ttl, call),
      leaseRevoke: (lease, call) => etcd.leaseRevoke(lease, call),
      leaseTimeToLive: (lease, call) => etcd.leaseTimeToLive(lease, call),
      keepAlive: (events) => etcd.keepAlive(events),
      watch: (events) => etcd.watch(events),
      reconnect: () => etcd.reconnect(),
      close: () => etcd.close(),
    };
  }

  /** The greatest revision that any answer has told. */
  get known(): bigint {
    return this.#known;
  }

  /** A stream has told so much. */
  reached(revision: bigint): void {
    if (revision > this.#known) this.#known = revision;
  }

  async #compare<Answer extends { revision: bigint }>(ask: () => Promise<Answer>): Promise<Answer> {
    const known = this.#known;
    const turns = this.#turns;
    const answer = await ask();
    if (turns !== this.#turns) return answer;
    if (answer.revision >= known) {
      this.reached(answer.revision);
      return answer;
    }
    this.#known = answer.revision;
    this.#turns++;
    this.#wentBack();
    return answer;
  }
}
