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

const LONGEST_MESSAGE = 1_000;

const brand = Symbol.for("etcdkit.CoordinationError");

/**
 * The base of every error that coordination itself causes. Bad arguments are a `TypeError` or `RangeError` instead, and
 * a cancelled wait rejects with its signal's own reason.
 */
export class CoordinationError<Code extends string = CoordinationCode> extends Error {
  /** What another installed copy of this package knows the errors of this class by, and those of a user's that extends it. */
  protected static readonly knownAs: string = "CoordinationError";

  static {
    // printed for each error of it; esbuild renames a class that names itself
    Object.defineProperty(CoordinationError, "name", { value: "CoordinationError" });
  }

  override name = "CoordinationError";
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(cut(message), options);
    this.code = code;
    Object.defineProperty(this, brand, { value: new.target.knownAs });
  }

  /** Recognises errors of another installed copy of this package too. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore-start lint/complexity/noThisInStatic: `this` is the class on the right of instanceof
    if (super[Symbol.hasInstance](value)) return true;
    if (typeof value !== "object" || value === null || !(brand in value)) return false;
    // Of another copy the base takes all; a class with a word of its own what goes by that, since a bundler may change its name; one
    // without, a user's say, nothing.
    if (this === CoordinationError) return true;
    return Object.hasOwn(this, "knownAs") && value[brand] === this.knownAs;
    // biome-ignore-end lint/complexity/noThisInStatic: see above
  }
}

/** Names and keys may be as long as etcd takes them, and what is wrong stands behind them. */
function cut(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  const half = LONGEST_MESSAGE / 2;
  return `${message.slice(0, half)} … ${message.slice(-half)}`;
}

/** The session's lease can no longer be relied on; `session.signal.reason` and whatever waited or held on it. */
export class SessionExpiredError extends CoordinationError {
  protected static override readonly knownAs = "SessionExpiredError";
  override name = "SessionExpiredError";
  constructor(message: string, options?: ErrorOptions) {
    super("SESSION_EXPIRED", message, options);
  }
}

/** The session was closed, or its connection was, by this process. */
export class SessionClosedError extends CoordinationError {
  protected static override readonly knownAs = "SessionClosedError";
  override name = "SessionClosedError";
  constructor(message: string, options?: ErrorOptions) {
    super("SESSION_CLOSED", message, options);
  }
}

/** Our key was deleted by somebody else while we waited in line or held. */
export class KeyDeletedError extends CoordinationError {
  protected static override readonly knownAs = "KeyDeletedError";
  override name = "KeyDeletedError";
  constructor(message: string, options?: ErrorOptions) {
    super("KEY_DELETED", message, options);
  }
}

/** For what another installed copy of this package made: its failures and leases are of classes that this one does not know. */
export function ofAnotherCopy(what: string): TypeError {
  return new TypeError(
    `this ${what} is of another installed copy of @etcdkit/core: see \`npm ls @etcdkit/core\``,
  );
}
