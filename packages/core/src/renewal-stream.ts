import type { Etcd, EtcdFailure, KeepAliveReply, KeepAliveStream } from "./etcd.js";

export interface RenewalEvents {
  /** `sentAt`: when the renewal that it acknowledges was sent; undefined: none is owed an answer. */
  answered(stream: RenewalStream, reply: KeepAliveReply, sentAt: number | undefined): void;
  /** Not after `close()` or `cancel()`. */
  ended(stream: RenewalStream, error: EtcdFailure): void;
}

interface Sent {
  readonly lease: bigint;
  readonly at: number;
}

/**
 * One keep-alive stream to one member, with what was sent on it: etcd answers in order, so that an answer acknowledges the oldest
 * renewal of its lease on its own stream, and never one that was sent later or elsewhere.
 */
export class RenewalStream {
  readonly #stream: KeepAliveStream;
  /** What is not yet answered, oldest first. */
  readonly #owed = new Set<Sent>();
  /** The same by lease. */
  readonly #owedTo = new Map<bigint, Sent[]>();

  constructor(
    readonly member: Etcd,
    events: RenewalEvents,
  ) {
    this.#stream = member.keepAlive({
      message: (reply) => events.answered(this, reply, this.#acknowledged(reply.lease)),
      end: (error) => events.ended(this, error),
    });
  }

  send(lease: bigint, now: number): void {
    const sent = { lease, at: now };
    this.#owed.add(sent);
    const before = this.#owedTo.get(lease);
    if (before) before.push(sent);
    else this.#owedTo.set(lease, [sent]);
    this.#stream.send(lease);
  }

  /** When the oldest renewal of `lease` was sent that is owed an answer here; undefined: there is none. */
  waitingSince(lease: bigint): number | undefined {
    return this.#owedTo.get(lease)?.[0]?.at;
  }

  /** The lease whose answer is to come first; undefined: none is owed. */
  get next(): bigint | undefined {
    const [oldest] = this.#owed;
    return oldest?.lease;
  }

  close(): void {
    this.#stream.close();
  }

  cancel(): void {
    this.#stream.cancel();
  }

  #acknowledged(lease: bigint): number | undefined {
    const owed = this.#owedTo.get(lease);
    const oldest = owed?.shift();
    if (owed?.length === 0) this.#owedTo.delete(lease);
    if (oldest) this.#owed.delete(oldest);
    return oldest?.at;
  }
}
