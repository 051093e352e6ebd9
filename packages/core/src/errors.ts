/** What went wrong, for programs. Messages are for people and may change; codes do not. */
export type CoordinationCode =
  /** The lease can no longer be relied on: it ran out, was revoked, or could not be renewed in time. */
  | "SESSION_EXPIRED"
  /** The session, or its connection, was closed by this process. */
  | "SESSION_CLOSED"
  /** Our key was deleted by somebody else, an operator say, while we waited or held. */
  | "KEY_DELETED"
  /** Our place in line is not held any more, because it was released. */
  | "RELEASED"
  /** A key that should be ours belongs to another lease. */
  | "KEY_TAKEN"
  /** No member answered in time. */
  | "UNAVAILABLE"
  /** The user's role does not allow this. */
  | "PERMISSION_DENIED"
  /** etcd did not accept the credentials. */
  | "UNAUTHENTICATED"
  /** etcd refused the request: too large, out of space, and the like. */
  | "REFUSED"
  /** The connection was closed by this process. */
  | "CONNECTION_CLOSED"
  /** The lease is already open as a session on this connection. */
  | "LEASE_IN_USE";

const brand = Symbol.for("etcdkit.CoordinationError");

/**
 * The base of every error that coordination itself causes. Bad arguments are a `TypeError` or `RangeError` instead, and
 * a cancelled wait rejects with its signal's own reason.
 */
export class CoordinationError<Code extends string = CoordinationCode> extends Error {
  override name = "CoordinationError";
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Recognises errors of another installed copy of this package too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== "object" || value === null || !(brand in value)) return false;
    // `this` is the class on the right of instanceof: the base takes all, a subclass its own name.
    // biome-ignore lint/complexity/noThisInStatic: see above
    return this === CoordinationError || (value as { name?: unknown }).name === this.name;
  }
}

/** The session's lease can no longer be relied on; `session.signal.reason` and whatever waited or held on it. */
export class SessionExpiredError extends CoordinationError {
  override name = "SessionExpiredError";
  constructor(message: string, options?: ErrorOptions) {
    super("SESSION_EXPIRED", message, options);
  }
}

/** The session was closed, or its connection was, by this process. */
export class SessionClosedError extends CoordinationError {
  override name = "SessionClosedError";
  constructor(message: string, options?: ErrorOptions) {
    super("SESSION_CLOSED", message, options);
  }
}

/** Our key was deleted by somebody else while we waited in line or held. */
export class KeyDeletedError extends CoordinationError {
  override name = "KeyDeletedError";
  constructor(message: string, options?: ErrorOptions) {
    super("KEY_DELETED", message, options);
  }
}
