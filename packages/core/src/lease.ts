import { abortController, unlessAborted } from "./abort.js";
import type { EtcdConnection } from "./connection.js";
import { Deadline } from "./deadline.js";
import { channels } from "./diagnostics.js";
import { CoordinationError, SessionClosedError, SessionExpiredError } from "./errors.js";
import { type Call, type Etcd, EtcdFailure, type Txn, type TxnResult } from "./etcd.js";
import { Ghosts } from "./ghosts.js";
import type { Renewable } from "./keepalive.js";
import { leaseHex } from "./keys.js";
import { closedError, type Operation, type Patience, promptly } from "./members.js";
import { pause } from "./pause.js";

export type SessionState = "connected" | "suspended" | "expired" | "closed";

/** Whatever stands or falls with a lease: a place in line. */
export interface Dependent {
  leaseLost(reason: SessionExpiredError | SessionClosedError): void;
}

export interface LeaseOptions {
  /** Seconds; what the server grants counts. */
  ttl: number;
  /** How long before the server's expiry the lease counts as lost. Default: a tenth of the TTL. */
  marginMs?: number | undefined;
  /** Abandons the opening. */
  signal?: AbortSignal | undefined;
}

const CONFIRM_MS = 500;
const ABANDONED_MS = 2_000;
const LARGEST_ID = (1n << 63n) - 1n;

/** A lease that is renewed by its connection until it is revoked, orphaned or lost. */
export class Lease implements Renewable {
  /** Seconds granted. */
  readonly ttl: number;
  readonly ttlMs: number;
  #state: SessionState = "connected";
  /** Set before anybody is told, so that whoever looks around when told finds the lease lost. */
  #lossReason: SessionExpiredError | SessionClosedError | undefined;
  /** Why etcd did not renew it last, where it said so. */
  #refusal: EtcdFailure | undefined;
  #revocation: Promise<void> | undefined;
  #confirmation: Promise<void> | undefined;
  readonly #controller = abortController();
  readonly #dependents = new Set<Dependent>();
  readonly #observers = new Set<(state: SessionState) => void>();
  readonly #keysInUse = new Set<string>();
  readonly ghosts = new Ghosts(this);
  #orphaned = false;
  readonly #over = () => this.lossReason;
  readonly #overInEtcd = () => (this.standing ? undefined : this.lossReason);
  readonly #asLost = (error: unknown): never => {
    if (!(error instanceof EtcdFailure) || error.kind !== "lease-not-found") throw error;
    this.gone();
    throw this.lossReason;
  };

  private constructor(
    readonly connection: EtcdConnection,
    readonly id: bigint,
    ttl: number,
    readonly deadline: Deadline,
    /** It had a former life, which may have left keys. */
    readonly adopted = false,
  ) {
    this.ttl = ttl;
    this.ttlMs = ttl * 1_000;
    connection.leases.add(this);
  }

  /** A new lease. Rejects at once when `signal` aborts, and what was granted by then is revoked. */
  static grant(connection: EtcdConnection, options: LeaseOptions): Promise<Lease> {
    const granting = Lease.#grant(connection, options);
    connection.background(granting);
    return unlessAborted(granting, options.signal, () => {
      connection.background(granting.then((lease) => lease.close()));
    });
  }

  static async #grant(connection: EtcdConnection, options: LeaseOptions): Promise<Lease> {
    connection.checkOpen();
    const { clock, random } = connection;
    // the id is ours, so that asking again after a lost reply cannot make a second lease
    const id = random.bytes(8).readBigUInt64BE() & LARGEST_ID || 1n;
    const firstSentAt = clock.now();
    try {
      const { ttl, sentAt } = await connection.call(
        async (etcd, call) => {
          const sentAt = clock.now();
          const { ttl, earlier } = await grantOnce(etcd, id, options.ttl, call);
          return { ttl, sentAt: earlier ? firstSentAt : sentAt };
        },
        whileOpen(connection, options.signal),
      );
      connection.checkOpen();
      const deadline = new Deadline(clock, sentAt, ttl * 1_000, options.marginMs ?? ttl * 100);
      const lease = new Lease(connection, id, ttl, deadline);
      if (lease.lossReason) throw lease.lossReason;
      // spread, so that sessions opened together are not renewed together for ever
      connection.keepAlive.add(lease, sentAt + (lease.ttlMs / 6) * (1 + random.fraction()));
      return lease;
    } catch (error) {
      // what was granted, or may have been where the reply was lost, holds no keys: it is revoked if that is soon done, or
      // else expires
      connection.background(revoke(connection, id, clock.now() + ABANDONED_MS));
      throw error;
    }
  }

  /** A living lease, left by a former life of this process say. */
  static async adopt(
    connection: EtcdConnection,
    id: bigint,
    options: Omit<LeaseOptions, "ttl">,
  ): Promise<Lease> {
    checkUnused(connection, id);
    const { clock } = connection;
    const asked = connection.call(
      async (etcd, call) => {
        const sentAt = clock.now();
        return { sentAt, left: await etcd.leaseTimeToLive(id, call) };
      },
      whileOpen(connection, options.signal),
    );
    const { sentAt, left } = await unlessAborted(asked, options.signal);
    connection.checkOpen();
    // another adoption may have been faster
    checkUnused(connection, id);
    if (left.ttl <= 0) {
      throw new SessionExpiredError(
        `lease ${leaseHex(id)} is gone, or has less than a second left: it cannot be adopted`,
      );
    }
    const marginMs = options.marginMs ?? left.grantedTtl * 100;
    // a new leader gives more than the TTL, which the next renewal takes back (etcd, server/lease/lessor.go: Promote, Renew)
    const ttl = Math.min(left.ttl, left.grantedTtl);
    const deadline = new Deadline(clock, sentAt, ttl * 1_000, marginMs);
    const lease = new Lease(connection, id, left.grantedTtl, deadline, true);
    connection.keepAlive.add(lease, sentAt);
    return lease;
  }

  /** Aborts when the lease can no longer be relied on. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Reads the clock. */
  get state(): SessionState {
    void this.lossReason;
    return this.#state;
  }

  get alive(): boolean {
    return this.lossReason === undefined;
  }

  /** Why it is not alive; undefined while it is. */
  get lossReason(): SessionExpiredError | SessionClosedError | undefined {
    if (!this.#lossReason && this.deadline.passed) this.expired();
    return this.#lossReason;
  }

  /** Whether there may be keys of ours in etcd to take away: alive, or left to a next life not longer ago than it lives by itself. */
  get standing(): boolean {
    if (this.alive) return true;
    const { at, marginMs } = this.deadline;
    return this.#orphaned && this.connection.clock.now() < at + marginMs;
  }

  /** Calls `listener` at each change of state until the returned function is called. */
  observe(listener: (state: SessionState) => void): () => void {
    this.#observers.add(listener);
    return () => this.#observers.delete(listener);
  }

  attach(dependent: Dependent): void {
    this.#dependents.add(dependent);
  }

  detach(dependent: Dependent): void {
    this.#dependents.delete(dependent);
  }

  /**
   * A key name that nothing else of this lease uses until `freeKey`: `base`, and while that is taken `base-1`, `base-2`, …, so
   * that two contenders of one session exclude each other as those of two sessions do. With `unsuspected`, none that an earlier
   * attempt without an answer may have left, or may yet make.
   */
  reserveKey(base: string, { unsuspected = false } = {}): string {
    let key = base;
    const taken = () => this.#keysInUse.has(key) || (unsuspected && this.ghosts.suspects(key));
    for (let n = 1; taken(); n++) key = `${base}-${n}`;
    this.#keysInUse.add(key);
    return key;
  }

  /** Takes exactly this name, which must be free; returns what frees it again. */
  claimKey(key: string): () => void {
    this.#keysInUse.add(key);
    return () => this.freeKey(key);
  }

  freeKey(key: string): void {
    this.#keysInUse.delete(key);
  }

  usesKey(key: string): boolean {
    return this.#keysInUse.has(key);
  }

  /** A call that only makes sense while the lease lives; repeated until answered, `signal`, or the end of the lease. */
  call<T>(
    operation: Operation<T>,
    { what, signal, unanswered }: Omit<Patience, "over">,
    over = this.#over,
  ): Promise<T> {
    return this.connection.call(operation, { what, signal, over, unanswered }).catch(this.#asLost);
  }

  /** One transaction, as `call` makes it: so that it must be one that may be sent again. */
  txn(txn: Txn, patience: Omit<Patience, "over">): Promise<TxnResult> {
    return this.call((etcd, call) => etcd.txn(txn, call), patience);
  }

  /** As `call`, to take away a key that was given up: goes on while the lease is `standing`. */
  undo<T>(operation: Operation<T>, patience: Omit<Patience, "over">): Promise<T> {
    return this.call(operation, patience, this.#overInEtcd);
  }

  /** Asks etcd whether the lease is still there. Resolves within `CONFIRM_MS`, and the lease is lost by then if etcd said no. */
  confirm(): Promise<void> {
    this.#confirmation ??= this.#confirm().finally(() => {
      this.#confirmation = undefined;
    });
    return this.#confirmation;
  }

  async #confirm(): Promise<void> {
    const { clock, members } = this.connection;
    const answered = new AbortController();
    members.current
      .leaseTimeToLive(this.id, { deadlineMs: CONFIRM_MS, signal: answered.signal })
      .then(({ ttl }) => {
        if (ttl < 0) this.gone();
      })
      .catch(() => undefined)
      .finally(() => answered.abort());
    // where many calls are under way it would wait for its turn, for longer
    await pause(clock, CONFIRM_MS, answered.signal);
    answered.abort();
  }

  /** Over for this process, without a word to etcd: the lease and its keys live on until the server's expiry or an adoption. */
  orphan(): void {
    this.#orphaned = this.alive;
    this.#lose(
      "closed",
      new SessionClosedError("the session was orphaned: its lease is left to etcd"),
    );
  }

  /** Revokes, so that every key of the lease goes at once. Takes no longer than the lease would have lived. */
  close(reason = new SessionClosedError("the session was closed")): Promise<void> {
    if (!this.#revocation) {
      this.#revocation = this.alive ? this.#revoke() : Promise.resolve();
      // it is none of the connection's leases any more, but is not to be cut off when that closes
      this.connection.background(this.#revocation);
      // the last: whoever is told, and closes this or the connection, waits for the same revocation
      this.#lose("closed", reason);
    }
    return this.#revocation;
  }

  suspended(is: boolean, refusal?: EtcdFailure): void {
    this.#refusal = refusal;
    if (is && this.#state === "connected") this.#become("suspended");
    else if (!is && this.#state === "suspended") this.#become("connected");
  }

  /** Not revoked: the margin is for the user's code to stop in, and by the time it has passed another process may have adopted the lease. */
  expired(): void {
    this.#lose(
      "expired",
      new SessionExpiredError(
        `session ${leaseHex(this.id)} is lost: its lease was not renewed in time (TTL ${this.ttl} s)`,
        this.#refusal && { cause: this.#refusal },
      ),
    );
  }

  /** etcd was put back to an earlier state. Revoked, as that may have brought keys back which nobody uses. */
  wentBack(): void {
    this.#lose(
      "expired",
      new SessionExpiredError(
        `session ${leaseHex(this.id)} is lost: etcd was put back to an earlier state`,
      ),
    );
    const { clock } = this.connection;
    this.connection.background(revoke(this.connection, this.id, clock.now() + this.ttlMs));
  }

  gone(): void {
    this.#lose(
      "expired",
      new SessionExpiredError(`session ${leaseHex(this.id)} is lost: etcd says its lease is gone`),
    );
  }

  #become(state: SessionState, reason?: Error): void {
    const from = this.#state;
    this.#state = state;
    channels.sessionState.publish({ leaseId: this.id, from, to: state, reason });
    for (const listener of [...this.#observers]) listener(state);
  }

  #lose(state: "expired" | "closed", reason: SessionExpiredError | SessionClosedError): void {
    if (this.#lossReason) return;
    this.#lossReason = reason;
    this.connection.keepAlive.remove(this);
    this.connection.leases.delete(this);
    this.ghosts.stop();
    this.#become(state, reason);
    for (const dependent of [...this.#dependents]) dependent.leaseLost(reason);
    this.#dependents.clear();
    this.#controller.abort(reason);
  }

  /** Nothing is sent before this turn has told the loss. */
  async #revoke(): Promise<void> {
    const serverExpiry = this.deadline.at + this.deadline.marginMs;
    await Promise.resolve();
    await revoke(this.connection, this.id, serverExpiry);
  }
}

/** Two sessions on one lease would hold the same locks. */
function checkUnused(connection: EtcdConnection, id: bigint): void {
  if (!connection.keepAlive.has(id)) return;
  throw new CoordinationError(
    "LEASE_IN_USE",
    `lease ${leaseHex(id)} is already open as a session on this connection`,
  );
}

/** As `promptly`, and no attempt is made once the connection is closing. */
function whileOpen(connection: EtcdConnection, signal: AbortSignal | undefined): Patience {
  const patience = promptly(connection.clock, "session", signal);
  const over = (last?: EtcdFailure) => (connection.closing ? closedError() : patience.over?.(last));
  return { ...patience, over };
}

/** `earlier`: by an attempt before this one, whose answer was lost. */
async function grantOnce(
  etcd: Etcd,
  id: bigint,
  ttl: number,
  call: Call,
): Promise<{ ttl: number; earlier: boolean }> {
  try {
    return { ttl: await etcd.leaseGrant(id, ttl, call), earlier: false };
  } catch (error) {
    if (!(error instanceof EtcdFailure) || error.kind !== "lease-exists") throw error;
    const { grantedTtl } = await etcd.leaseTimeToLive(id, call);
    if (grantedTtl > 0) return { ttl: grantedTtl, earlier: true };
    throw new SessionExpiredError(
      `lease ${leaseHex(id)} was granted, but the answer was lost, and it has expired meanwhile`,
    );
  }
}

/** Never fails: a lease that is gone already, or not reached before it expires, is as good as revoked. */
async function revoke(connection: EtcdConnection, id: bigint, serverExpiry: number): Promise<void> {
  const leftMs = () => serverExpiry - connection.clock.now();
  const over = () => (leftMs() > 0 ? undefined : new SessionExpiredError("expired meanwhile"));
  const inTime = (call: Call) => ({ ...call, deadlineMs: Math.min(call.deadlineMs, leftMs()) });
  await connection
    .call((etcd, call) => etcd.leaseRevoke(id, inTime(call)), { what: "revoke", over })
    .catch(() => undefined);
}
