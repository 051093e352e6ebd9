import type { Clock, Timer } from "./clock.js";
import { CoordinationError } from "./errors.js";
import { type Call, type Etcd, EtcdFailure } from "./etcd.js";
import { jittered, type Random } from "./random.js";

// A member that is well answers in milliseconds. One that has not in this time is left for the next. Two of them, one lost while
// another leader was elected and one at the member that is frozen, come to less than two seconds after the election.
const ATTEMPT_MS = 800;
const FIRST_BACKOFF_MS = 25;
const LONGEST_BACKOFF_MS = 500;
/** How long a call that nobody asked to wait may take. */
export const PROMPTLY_MS = 10_000;

/** One attempt at one member. */
export type Operation<T> = (etcd: Etcd, call: Call) => Promise<T>;

interface Answer<T> {
  member: Etcd;
  value: T;
}

export interface Patience {
  /** What the call is about, for an error message: "lock orders/42". */
  what: string;
  /** Stops the attempts, with its reason. */
  signal?: AbortSignal | undefined;
  /** Asked before each attempt, with the failure of the last: an error ends the attempts with it. */
  over?: ((last?: EtcdFailure) => Error | undefined) | undefined;
  /** Told of an attempt that ended without an answer, or was refused: it may have been carried out, or may yet be. */
  unanswered?: (() => void) | undefined;
}

/** For a call that nobody asked to wait: `UNAVAILABLE` when no member has answered in 10 s. */
export function promptly(clock: Clock, what: string, signal?: AbortSignal): Patience {
  const until = clock.now() + PROMPTLY_MS;
  const unanswered = (last?: EtcdFailure) => {
    const told = `${what}: no member of etcd answered in ${PROMPTLY_MS} ms`;
    return new CoordinationError("UNAVAILABLE", last ? `${told}: ${last.message}` : told, {
      cause: last,
    });
  };
  return { what, signal, over: (last) => (clock.now() < until ? undefined : unanswered(last)) };
}

/** The members of one cluster: which one serves now, and how a call finds one that answers. */
export class Members {
  readonly all: readonly Etcd[];
  readonly #clock: Clock;
  readonly #random: Random;
  #current = 0;
  #closed = false;
  readonly #sleepers = new Set<() => void>();

  constructor(all: readonly Etcd[], clock: Clock, random: Random) {
    this.all = all;
    this.#clock = clock;
    this.#random = random;
    // processes that start together should not all begin with the same member
    this.#current = Math.floor(random.fraction() * all.length);
  }

  get current(): Etcd {
    const member = this.all[this.#current];
    if (!member) throw new Error("a connection has at least one member");
    return member;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `member` did not serve: the next one does from now on, unless somebody has already moved on. */
  failed(member: Etcd): void {
    if (member === this.current) this.#current = (this.#current + 1) % this.all.length;
  }

  /**
   * Runs `operation` on the current member and, as long as none has answered, on the next. When each has had its chance, on all at
   * once, again and again, until one answers or `patience` ends. Only for operations that can be repeated without harm: the outcome
   * of an attempt without an answer is unknown.
   */
  async call<T>(operation: Operation<T>, patience: Patience): Promise<T> {
    let last: EtcdFailure | undefined;
    for (const _ of this.all) {
      const member = this.current;
      const answer = await this.#attempt(member, operation, patience, last);
      if (!(answer instanceof EtcdFailure)) return answer.value;
      last = answer;
      this.failed(member);
    }
    for (let round = 1; ; round++) {
      await this.#backoff(round, patience);
      const answer = await this.#attemptAll(operation, patience, last);
      if (answer instanceof EtcdFailure) {
        last = answer;
        continue;
      }
      this.#current = this.all.indexOf(answer.member);
      return answer.value;
    }
  }

  /** A failure: no answer, but another attempt may have one. */
  async #attempt<T>(
    member: Etcd,
    operation: Operation<T>,
    patience: Patience,
    last: EtcdFailure | undefined,
  ): Promise<Answer<T> | EtcdFailure> {
    this.#check(patience, last);
    const { signal } = patience;
    try {
      return { member, value: await operation(member, { deadlineMs: ATTEMPT_MS, signal }) };
    } catch (error) {
      if (this.#closed) throw closedError(error);
      if (!(error instanceof EtcdFailure)) throw error;
      // what goes beyond etcd's quota is carried out and then refused, where it passed a first look (etcd,
      // server/etcdserver/apply: quotaApplierV3)
      if (error.kind === "refused") patience.unanswered?.();
      if (!error.passing) throw told(error, patience);
      if (error.kind === "unavailable" && error.sent) patience.unanswered?.();
      // cancelled while it waited for company: the member has not been asked
      if (!error.sent) signal?.throwIfAborted();
      return error;
    }
  }

  /**
   * The first answer counts. A member that was silent is frozen, or has lost what it was asked while another leader was elected; that
   * cannot be told, and one after the other each that is frozen would cost the time of an attempt.
   */
  #attemptAll<T>(
    operation: Operation<T>,
    patience: Patience,
    last: EtcdFailure | undefined,
  ): Promise<Answer<T> | EtcdFailure> {
    // by those that are not waited for in the end
    patience.unanswered?.();
    const known = { ...patience, unanswered: undefined };
    let silent = 0;
    return new Promise((resolve, reject) => {
      for (const member of this.all) {
        this.#attempt(member, operation, known, last).then((answer) => {
          const failed = answer instanceof EtcdFailure;
          if (!failed || ++silent === this.all.length) resolve(answer);
        }, reject);
      }
    });
  }

  /** Streams never fetch a new token, unary calls do: so one is made, whatever it answers. */
  async refreshToken(member: Etcd): Promise<void> {
    const key = Buffer.from("etcdkit");
    await member.range({ key, limit: 1 }, { deadlineMs: ATTEMPT_MS }).catch(() => undefined);
  }

  close(): void {
    this.#closed = true;
    for (const wake of this.#sleepers) wake();
    for (const member of this.all) member.close();
  }

  #check({ signal, over }: Patience, last: EtcdFailure | undefined): void {
    if (this.#closed) throw closedError();
    signal?.throwIfAborted();
    const error = over?.(last);
    if (error) throw error;
  }

  #backoff(round: number, { signal }: Patience): Promise<void> {
    const full = Math.min(FIRST_BACKOFF_MS * 2 ** (round - 1), LONGEST_BACKOFF_MS);
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const wake = () => {
        timer?.cancel();
        this.#sleepers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#sleepers.add(wake);
      signal?.addEventListener("abort", wake);
      timer = this.#clock.setTimer(jittered(full, this.#random), wake);
    });
  }
}

export function closedError(cause?: unknown): CoordinationError {
  return new CoordinationError("CONNECTION_CLOSED", "the connection to etcd was closed", { cause });
}

/** A failure that is final, in the words of the face; those that core itself has an answer to stay as they are. */
export function told(failure: EtcdFailure, { what }: Patience): Error {
  const options = { cause: failure };
  switch (failure.kind) {
    case "permission":
      return new CoordinationError(
        "PERMISSION_DENIED",
        `${what}: etcd denies permission: ${failure.message}`,
        options,
      );
    case "credentials":
      return new CoordinationError(
        "UNAUTHENTICATED",
        `${what}: etcd does not accept the credentials: ${failure.message}`,
        options,
      );
    case "too-large":
    case "refused":
      return new CoordinationError("REFUSED", `${what}: etcd refused: ${failure.message}`, options);
    case "closed":
      return closedError(failure);
    default:
      return failure;
  }
}
