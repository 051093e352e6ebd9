import type { Etcd, EtcdFailure, KeepAliveReply, KeepAliveStream } from "./etcd.js";

export interface RenewalEvents {
  /** `sentAt`: when the renewal that it acknowledges was sent; undefined: none is owed an answer. */
  answered(stream: RenewalStream, reply: KeepAliveReply, sentAt: number | undefined): void;
  /** Not after `cancel()`. */
  ended(stream: RenewalStream, error: EtcdFailure): void;
}

/**
 * One keep-alive stream to one member, with what was sent on it: etcd answers the renewals of one lease in order, so that an answer
 * acknowledges the oldest of its own stream, and never one that was sent later or elsewhere.
 */
export class RenewalStream {
  readonly #stream: KeepAliveStream;
  /** By lease: send times not yet answered, oldest first. */
  readonly #sent = new Map<bigint, number[]>();

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
    const sent = this.#sent.get(lease);
    if (sent) sent.push(now);
    else this.#sent.set(lease, [now]);
    this.#stream.send(lease);
  }

  /** When the oldest renewal of `lease` was sent that is owed an answer here; undefined: there is none. */
  waitingSince(lease: bigint): number | undefined {
    return this.#sent.get(lease)?.[0];
  }

  cancel(): void {
    this.#stream.cancel();
  }

  #acknowledged(lease: bigint): number | undefined {
    const sent = this.#sent.get(lease);
    const sentAt = sent?.shift();
    if (sent?.length === 0) this.#sent.delete(lease);
    return sentAt;
  }
}
