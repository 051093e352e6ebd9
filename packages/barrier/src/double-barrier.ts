import { checkName, checkOptions, checkSignal, describe, type Lease } from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import type { WaitOptions } from "./barrier.js";
import { BarrierError } from "./errors.js";
import { Gathering } from "./gathering.js";
import { Member } from "./member.js";

export interface DoubleBarrierOptions {
  /** How many enter together and leave together: a whole number of at least 1, the same for all. */
  count: number;
}

/**
 * Lets `count` members in once all of them have come, and out once all want to go; then the next round may begin. In one barrier
 * with the `DoubleBarrier` of Go's recipes. An object is one member.
 */
export class DoubleBarrier {
  readonly name: string;
  readonly count: number;
  readonly #lease: Lease;
  #member: Member | undefined;
  #phase: "out" | "entering" | "in" | "leaving" = "out";

  /**
   * @throws TypeError if `session` is no Session, `name` is empty, has a NUL or is not well-formed text, or `count` is no number;
   *   RangeError if `count` is not a whole number of at least 1
   */
  constructor(session: Session, name: string, options: DoubleBarrierOptions) {
    this.#lease = leaseOf(session);
    checkName(name, "the name of a double barrier");
    const count: unknown = options?.count;
    if (typeof count !== "number") {
      throw new TypeError(`count must be a number, not ${describe(count)}`);
    }
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new RangeError(`count must be a whole number of at least 1: ${count}`);
    }
    this.name = name;
    this.count = count;
  }

  /**
   * Resolves when `count` members have come. One that goes before, or dies, is not counted any more.
   *
   * @throws the reason of `signal`; BarrierError `TOO_MANY`, `COUNT_MISMATCH`, `ALREADY_ENTERED`; SessionExpiredError or
   *   SessionClosedError when the session ends first; KeyDeletedError when somebody deletes our key; CoordinationError when etcd
   *   refuses. None of these leaves a key behind.
   */
  async enter(options: WaitOptions = {}): Promise<void> {
    checkOptions(options);
    const { signal } = options;
    checkSignal(signal);
    if (this.#phase !== "out") {
      const told = `double barrier ${this.name}: this member has entered, or is about to`;
      throw new BarrierError("ALREADY_ENTERED", told);
    }
    signal?.throwIfAborted();
    const reason = this.#lease.lossReason;
    if (reason) throw reason;
    const gathering = Gathering.of(this.#lease.connection, this.name);
    const member = new Member(this.#lease, gathering, this.count);
    this.#phase = "entering";
    try {
      await member.enter(signal);
      this.#phase = "in";
      this.#member = member;
    } catch (error) {
      this.#phase = "out";
      throw error;
    }
  }

  /**
   * Resolves when all who entered with us have left, or died. Whatever comes of it, this member is out afterwards.
   *
   * @throws the reason of `signal`; BarrierError `NOT_ENTERED`; SessionExpiredError or SessionClosedError, and KeyDeletedError,
   *   when the session or our key was lost since we entered: the others may then have gone without us
   */
  async leave(options: WaitOptions = {}): Promise<void> {
    checkOptions(options);
    checkSignal(options.signal);
    const member = this.#member;
    if (this.#phase !== "in" || !member) {
      const told = `double barrier ${this.name}: this member has not entered, or is leaving already`;
      throw new BarrierError("NOT_ENTERED", told);
    }
    this.#phase = "leaving";
    try {
      await member.leave(options.signal);
    } finally {
      this.#phase = "out";
      this.#member = undefined;
    }
  }
}
