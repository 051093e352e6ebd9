import { checkMetadata, type JsonObject } from "./metadata.js";
import type { Registration } from "./registration.js";

/**
 * `joined`: its group sees it; `suspended`: likewise, but renewals go unanswered for longer than they should, and others may
 * suspect it; `lost`: its entry is gone, or its lease can no longer be relied on, and it is on its way back; `left` and
 * `replaced`: over for good.
 */
export type MemberState = "joined" | "suspended" | "lost" | "left" | "replaced";

/** A membership of this process, which comes back by itself until it is left or taken over. */
export class Member implements AsyncDisposable {
  readonly #registration: Registration;

  /** @internal use `Group.join` */
  constructor(registration: Registration) {
    this.#registration = registration;
  }

  get id(): string {
    return this.#registration.id;
  }

  /** As in `MemberInfo`: which of those with this id it is. */
  get incarnation(): string {
    return this.#registration.incarnation;
  }

  /** Reads the clock. */
  get state(): MemberState {
    return this.#registration.state;
  }

  /**
   * Aborts when the membership is over for good; its reason is a `MembershipError` with code `LEFT` or `TAKEN_OVER`. Losing the
   * session does not abort it.
   */
  get signal(): AbortSignal {
    return this.#registration.signal;
  }

  /**
   * Replaces the metadata, whole. Resolves when etcd has it, or has newer. Also when it rejects for want of an answer it is kept,
   * and written as soon as etcd can be reached.
   *
   * @throws TypeError, RangeError as `join` does; MembershipError when the membership is over; CoordinationError `UNAVAILABLE`
   *   after 10 s, or when etcd refuses
   */
  async update(metadata: JsonObject): Promise<void> {
    await this.#registration.update(checkMetadata(metadata));
  }

  /**
   * Says goodbye, so that observers see `left`, and ends the membership. Idempotent, never throws; when etcd does not answer, it
   * gives up when the lease has run out.
   */
  leave(): Promise<void> {
    return this.#registration.leave("it left the group");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }
}
