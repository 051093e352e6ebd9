import { Holding } from "@etcdkit/core";
import { checkOptions, checkSignal, type Place, unlessAborted } from "@etcdkit/core/internal";
import type { Bid } from "./bid.js";
import { NotLeaderError } from "./not-leader-error.js";
import { toProposal } from "./proposal.js";

/** An election that is won. It lasts until it is resigned, or lost with its session or key. */
export class Leadership extends Holding {
  readonly #place: Place;
  readonly #bid: Bid;
  readonly #signal: AbortSignal;

  /** @internal */
  constructor(place: Place, bid: Bid, signal = place.signal) {
    super(place);
    this.#place = place;
    this.#bid = bid;
    this.#signal = signal;
  }

  /** What was last proclaimed, by the campaign or since. Not to be written to. */
  get value(): Buffer {
    return this.#bid.value;
  }

  /**
   * Aborts when the leadership is lost: its session is, or somebody deleted our key (heard of within a second). The reason says
   * which: `SessionExpiredError`, `SessionClosedError` or `KeyDeletedError`. A resignation does not abort it. Within `lead()` it
   * also aborts when the work should end for another reason; `held` tells the two apart.
   */
  override get signal(): AbortSignal {
    return this.#signal;
  }

  /**
   * Tells a new value to all who observe, and stays leader. Those of one leadership are written in the order they were asked
   * for. Resolves when etcd has it; after a rejection by `signal` it may still be written.
   *
   * @throws NotLeaderError when the leadership was lost or resigned, also meanwhile; the reason of `signal`; CoordinationError
   *   when etcd refuses the value
   */
  async proclaim(
    value: string | Buffer,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const proposal = toProposal(value);
    checkOptions(options);
    const { signal } = options;
    checkSignal(signal);
    signal?.throwIfAborted();
    if (!this.held) {
      await this.#place.losing;
      throw this.#notLeader(this.#place.lossReason);
    }
    try {
      await unlessAborted(this.#bid.propose(proposal), signal);
    } catch (error) {
      if (this.held || (signal?.aborted && error === signal.reason)) throw error;
      throw this.#notLeader(error);
    }
  }

  /**
   * Lets the next candidate lead. Idempotent. Resolves when our key is gone; tried again until then, or until the lease is gone.
   *
   * @throws CoordinationError when etcd refuses, having taken our permission away say: the key is still there, and a further
   *   call tries again
   */
  async resign(): Promise<void> {
    await this.release();
    const { refusal } = this.#place;
    if (refusal !== undefined) throw refusal;
  }

  /** As `resign()`, but never throws. */
  override release(): Promise<void> {
    this.#bid.resigned();
    return super.release();
  }

  /** Settles once `signal` tells of a loss that `held` tells of already; undefined where there is none such. @internal */
  get losing(): Promise<void> | undefined {
    return this.#place.losing;
  }

  /** The same leadership with another signal. @internal */
  endingBy(signal: AbortSignal): Leadership {
    return new Leadership(this.#place, this.#bid, signal);
  }

  #notLeader(cause: unknown): NotLeaderError {
    return new NotLeaderError(
      `election ${this.name} is not led by ${this.key} any more: nothing was proclaimed`,
      cause === undefined ? undefined : { cause },
    );
  }
}
