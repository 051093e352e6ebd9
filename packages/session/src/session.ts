import { type Connection, SessionClosedError, type SessionState } from "@etcdkit/core";
import {
  checkOptions,
  checkSignal,
  describe,
  type EtcdConnection,
  internals,
  Lease,
  ofAnotherCopy,
} from "@etcdkit/core/internal";
import { statesOf } from "./states.js";

export interface SessionOptions {
  /**
   * Seconds between the death of this process and the end of its keys, a whole number of at least 2. etcd may grant more;
   * what it grants counts. Default 15.
   */
  ttl?: number | undefined;
  /**
   * Adopts this living lease instead of asking for a new one, and its TTL: a restarted process finds its locks again, one for each
   * call, the oldest first; what it does not take up stays in line while the session lives. Only when the former owner is
   * certainly gone, since two processes on one lease hold the same locks.
   */
  leaseId?: bigint | undefined;
  /** Abandons the opening; later, closes the session. */
  signal?: AbortSignal | undefined;
  /**
   * How long before etcd can have expired the lease the session counts as lost, in milliseconds, less than half the TTL; with
   * `leaseId`, the TTL that the lease was granted. Covers clocks of different speed and the time your code needs to stop.
   * Default: a tenth of the TTL.
   */
  safetyMarginMs?: number | undefined;
}

const DEFAULT_TTL = 15;
/** Below this etcd grants more at its default settings (etcd, server/lease/lessor.go: the smallest TTL). */
const SMALLEST_TTL = 2;
/** etcd, server/lease/lessor.go. */
const LARGEST_TTL = 9_000_000_000;

const brand = Symbol.for("etcdkit.Session");

/** A lease that is kept alive while this process lives, and whose loss is known here before etcd can have expired it. */
export class Session implements AsyncDisposable {
  static {
    // for messages; esbuild renames a class that names itself
    Object.defineProperty(Session, "name", { value: "Session" });
  }

  readonly connection: Connection;
  readonly #lease: Lease;

  private constructor(connection: Connection, lease: Lease) {
    this.connection = connection;
    this.#lease = lease;
  }

  /**
   * @throws TypeError, RangeError for bad arguments, before anything is sent; RangeError too, when the lease to adopt is known, if
   *   `safetyMarginMs` is not less than half its TTL: the lease is left as it was
   * @throws SessionExpiredError if the lease to adopt is gone or nearer to its end than the margin, or a new one is gone by the time
   *   its grant is answered
   * @throws CoordinationError `LEASE_IN_USE`, `UNAVAILABLE` when no member answers within 10 s, `CONNECTION_CLOSED` also when the
   * connection closes meanwhile, `PERMISSION_DENIED`, …
   */
  static async open(etcd: Connection, options: SessionOptions = {}): Promise<Session> {
    const connection = internals(etcd);
    checkOptions(options);
    const { ttl = DEFAULT_TTL, leaseId, signal, safetyMarginMs } = options;
    checkTtl(ttl);
    checkLeaseId(leaseId);
    checkSignal(signal);
    // the TTL of a lease to adopt is not known yet
    checkMargin(safetyMarginMs, leaseId === undefined ? ttl : undefined);
    signal?.throwIfAborted();
    const lease =
      leaseId === undefined
        ? await Lease.grant(connection, { ttl, marginMs: safetyMarginMs, signal })
        : await adopt(connection, leaseId, { marginMs: safetyMarginMs, signal });
    const session = new Session(etcd, lease);
    session.#closeWith(signal);
    return session;
  }

  get leaseId(): bigint {
    return this.#lease.id;
  }

  /** Seconds, as etcd granted them. */
  get ttl(): number {
    return this.#lease.ttl;
  }

  /**
   * `connected`; `suspended` while a renewal goes unanswered for longer than it should, though the lease is still good;
   * `expired` when it can no longer be relied on; `closed` by `close()` or `orphan()`. Reads the clock.
   */
  get state(): SessionState {
    return this.#lease.state;
  }

  /** Milliseconds until the lease can no longer be relied on, if no renewal is answered; 0 when it is lost. */
  get remainingMs(): number {
    return this.#lease.alive ? this.#lease.deadline.remainingMs : 0;
  }

  /** Aborts when the lease can no longer be relied on; its reason is a `SessionExpiredError` or `SessionClosedError`. */
  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  /**
   * The state now, then each change, kept for the reader however slow it is; ends after `expired` or `closed`, or when `signal`
   * aborts. Each loop over it begins with the state of that moment.
   */
  states(options: { signal?: AbortSignal | undefined } = {}): AsyncIterable<SessionState> {
    checkOptions(options);
    const { signal } = options;
    checkSignal(signal);
    return { [Symbol.asyncIterator]: () => statesOf(this.#lease, signal) };
  }

  /**
   * Ends the session here without a word to etcd: the lease and its keys live on until etcd expires them, or until another
   * process adopts the lease by its id. Only keys that were given up before, by a cancelled wait or a release, still go;
   * `connection.close()` waits for that.
   */
  orphan(): void {
    this.#lease.orphan();
  }

  /**
   * Revokes the lease, so that all its keys go at once. Idempotent, never throws; when etcd does not answer, it gives up at the
   * time etcd would have expired the lease by itself.
   */
  close(): Promise<void> {
    return this.#lease.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal */
  get [brand](): Lease {
    return this.#lease;
  }

  #closeWith(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const close = () => {
      const why = "the session was closed: the signal given to Session.open() aborted";
      void this.#lease.close(new SessionClosedError(why, { cause: signal.reason }));
    };
    if (signal.aborted) return close();
    signal.addEventListener("abort", close, { once: true });
    this.signal.addEventListener("abort", () => signal.removeEventListener("abort", close), {
      once: true,
    });
  }
}

export function isSession(value: unknown): value is Session {
  return typeof value === "object" && value !== null && brand in value;
}

/** The lease of a session. Throws a TypeError if `session` is none. */
export function leaseOf(session: unknown): Lease {
  if (!isSession(session)) {
    throw new TypeError(`expected a Session as Session.open() gives it, not ${describe(session)}`);
  }
  // one of another copy of this package, on the same core, is as good
  const lease = session[brand];
  if (lease instanceof Lease) return lease;
  throw ofAnotherCopy("Session");
}

async function adopt(
  connection: EtcdConnection,
  leaseId: bigint,
  options: { marginMs: number | undefined; signal: AbortSignal | undefined },
): Promise<Lease> {
  const lease = await Lease.adopt(connection, leaseId, options);
  try {
    checkMargin(options.marginMs, lease.ttl);
    // nearer to its end than the margin
    if (lease.lossReason) throw lease.lossReason;
  } catch (error) {
    // not revoked: whoever asked with another margin could still have it
    lease.orphan();
    throw error;
  }
  return lease;
}

function checkTtl(ttl: unknown): void {
  if (typeof ttl !== "number") throw new TypeError(`ttl must be a number, not ${describe(ttl)}`);
  if (!Number.isInteger(ttl) || ttl < SMALLEST_TTL || ttl > LARGEST_TTL) {
    throw new RangeError(`ttl must be a whole number of seconds, at least ${SMALLEST_TTL}: ${ttl}`);
  }
}

function checkLeaseId(leaseId: unknown): void {
  if (leaseId === undefined) return;
  if (typeof leaseId !== "bigint") {
    throw new TypeError(`leaseId must be a bigint, not ${describe(leaseId)}`);
  }
  if (leaseId === 0n || BigInt.asIntN(64, leaseId) !== leaseId) {
    throw new RangeError(`leaseId must be an int64 other than 0: ${leaseId}`);
  }
}

function checkMargin(marginMs: unknown, ttl: number | undefined): void {
  if (marginMs === undefined) return;
  if (typeof marginMs !== "number") {
    throw new TypeError(`safetyMarginMs must be a number, not ${describe(marginMs)}`);
  }
  if (!(marginMs >= 0)) throw new RangeError(`safetyMarginMs must be at least 0: ${marginMs}`);
  if (ttl === undefined || marginMs < ttl * 500) return;
  throw new RangeError(`safetyMarginMs must be less than half the ttl of ${ttl} s: ${marginMs}`);
}
