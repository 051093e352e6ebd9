import { abortController } from "./abort.js";
import { approach, NEAR } from "./approach.js";
import type { Timer } from "./clock.js";
import { channels } from "./diagnostics.js";
import {
  CoordinationError,
  KeyDeletedError,
  type SessionClosedError,
  type SessionExpiredError,
} from "./errors.js";
import type { KeyRange, KeyValue } from "./etcd.js";
import type { Dependent, Lease } from "./lease.js";
import { type InLine, idOf, type Line } from "./line.js";
import { LineKey, type LineKeyOptions } from "./line-key.js";

export interface Entry extends LineKeyOptions, Waiting {}

interface Waiting {
  /** Where not all who came before are in the way: where those are who may be. */
  blockers?: KeyRange[] | undefined;
  signal?: AbortSignal | undefined;
  /** Told once the key is in line: while it waits, or just before it holds. */
  enrolled?: ((place: Place) => void) | undefined;
}

// A holder who met nobody hears of its key's deletion by following the line, which it does only if it holds on for this
// long: a short hold stays at two calls.
const MOMENT_MS = 250;

/**
 * Takes a place in line and resolves with it once it is our turn. Rejects at once when `signal` aborts or the lease is
 * lost, and the key that was made goes.
 */
export function enter(entry: Entry): Promise<Place> {
  checkAlive(entry);
  return new Place(new LineKey(entry), entry).wait();
}

/** Takes the first place if `blockers` are all empty, undefined if not. Never joins the line. */
export function enterIfFree(entry: Entry, blockers: KeyRange[]): Promise<Place | undefined> {
  checkAlive(entry);
  return new Place(new LineKey(entry), entry).tryTake(blockers);
}

function checkAlive({ lease, signal }: Entry): void {
  signal?.throwIfAborted();
  const reason = lease.lossReason;
  if (reason) throw reason;
}

type State = "enrolling" | "waiting" | "held" | "over";

interface Settle {
  resolve(place: Place | undefined): void;
  reject(reason: unknown): void;
}

/** One contender of ours: from the call that enrols it until it is released, lost or cancelled. */
export class Place implements InLine, Dependent {
  readonly line: Line;
  readonly lease: Lease;
  readonly #own: LineKey;
  readonly #blockers: KeyRange[] | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #enrolled: Waiting["enrolled"];
  readonly #since: number;
  #state: State = "enrolling";
  #settle: Settle | undefined;
  #stopListening: (() => void) | undefined;
  /** While it comes near: ends that. */
  #comingNear: AbortController | undefined;
  #keyGone = false;
  #losing: Promise<void> | undefined;
  #heldSince = 0;
  #moment: Timer | undefined;
  #lossReason: Error | undefined;
  /** Made only when somebody asks for its signal: most places are never lost. */
  #lost: AbortController | undefined;
  /** Settles when what `exchange` began is over; never rejects. */
  #exchanging: Promise<void> | undefined;

  constructor(own: LineKey, { blockers, signal, enrolled }: Waiting = {}) {
    this.lease = own.lease;
    this.line = own.line;
    this.#own = own;
    this.#blockers = blockers;
    this.#signal = signal;
    this.#enrolled = enrolled;
    this.#since = own.lease.connection.clock.now();
  }

  get key(): string {
    return this.#own.name;
  }

  get id(): string {
    return idOf(this.#own.bytes);
  }

  get createRevision(): bigint {
    return this.#own.createRevision ?? 0n;
  }

  /** Our key as a former life, or an attempt without an answer, had left it; undefined where it was made anew. */
  get found(): KeyValue | undefined {
    return this.#own.found;
  }

  /** Aborts when the place is lost while it holds; not by its release. */
  get signal(): AbortSignal {
    this.#lost ??= abortController();
    if (this.#lossReason) this.#lost.abort(this.#lossReason);
    return this.#lost.signal;
  }

  /** Why it was lost; undefined if it was not. */
  get lossReason(): Error | undefined {
    // when the lease is lost, its places are told one after the other
    return this.#lossReason ?? (this.#state === "held" ? this.lease.lossReason : undefined);
  }

  /** Settles once `signal` tells why our key is gone, which etcd is asked for; undefined while no such loss is known. */
  get losing(): Promise<void> | undefined {
    return this.#losing;
  }

  /** Why it does not hold. While etcd is asked whether the key went with its lease: that it was deleted. */
  get whyNotHeld(): Error {
    const { what } = this.line;
    const { lossReason } = this;
    if (lossReason) return lossReason;
    if (this.#losing) return this.#keyDeleted();
    return new CoordinationError("RELEASED", `${what} was released: ${this.key}`);
  }

  /** Reads the clock. */
  get held(): boolean {
    return this.#state === "held" && !this.#keyGone && this.lease.alive;
  }

  /** Why etcd would not delete our key, though the lease lives; a further `release()` tries again. */
  get refusal(): unknown {
    return this.#own.refusal;
  }

  wait(): Promise<Place> {
    return this.#settled(() => this.#enrol()) as Promise<Place>;
  }

  tryTake(blockers: KeyRange[]): Promise<Place | undefined> {
    return this.#settled(() => this.#enrolIfFree(blockers));
  }

  /** Gives the place up. Resolves when its key is gone, or its lease is. */
  release(): Promise<void> {
    // too late: it is lost, and told as that
    if (this.#losing) return this.#losing;
    if (this.#state === "held") {
      this.#leave();
      if (channels.released.hasSubscribers) channels.released.publish(this.#told());
    } else {
      this.#own.leaveAgain();
    }
    return this.#exchanging?.then(() => this.#own.gone()) ?? this.#own.gone();
  }

  /**
   * Goes on by another key, at the end of the line, which comes in the same revision as the one it had goes; where a key is in
   * one of `blockers`, by the same key as before. The place that is returned holds then, and this one is over.
   */
  exchange(key: string, blockers: KeyRange[]): Promise<Place> {
    if (!this.held || this.#exchanging) return Promise.reject(this.whyNotHeld);
    const exchanging = this.#exchange(key, blockers);
    const failed = () => {
      this.#exchanging = undefined;
    };
    this.#exchanging = exchanging.then(() => undefined, failed);
    return exchanging;
  }

  turn(): void {
    if (this.#state === "waiting") this.#win();
  }

  deleted(): void {
    if (this.#keyGone || (this.#state !== "held" && this.#state !== "waiting")) return;
    this.#keyGone = true;
    // an exchange deletes the key too: its answer tells
    if (this.#exchanging) void this.#exchanging.then(() => this.#keyLost());
    else void this.#keyLost();
  }

  failed(error: unknown): void {
    // a holder keeps its key: that it cannot be watched is no loss, the lease still tells
    if (this.#state === "waiting") this.#fail(error);
  }

  leaseLost(reason: SessionExpiredError | SessionClosedError): void {
    this.#lose(reason);
  }

  #settled(start: () => void): Promise<Place | undefined> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.lease.attach(this);
      const signal = this.#signal;
      if (signal) {
        const abort = () => this.#fail(signal.reason);
        signal.addEventListener("abort", abort);
        this.#stopListening = () => signal.removeEventListener("abort", abort);
      }
      start();
    });
  }

  #resolve(place: Place | undefined): void {
    this.#stopListening?.();
    this.#settle?.resolve(place);
  }

  #reject(reason: unknown): void {
    this.#stopListening?.();
    this.#comingNear?.abort(reason);
    this.#settle?.reject(reason);
  }

  async #enrol(): Promise<void> {
    try {
      const ahead = await this.#own.enrol(this.#blockers ?? [this.line.range], this.#signal);
      if (this.#state === "over") return this.#drop(this.#own);
      this.#enrolled?.(this);
      if (ahead === 0) return this.#win();
      this.#state = "waiting";
      // where many may hold at once, how many are ahead says nothing about how long it takes
      const far = !this.#blockers && ahead >= NEAR;
      if (far && !this.line.followed) await this.#comeNear();
    } catch (error) {
      return this.#enrolmentFailed(error);
    }
    if (this.#state === "waiting") this.line.add(this);
  }

  async #comeNear(): Promise<void> {
    this.#comingNear = new AbortController();
    try {
      await approach(this.lease.connection, {
        line: this.line.range,
        key: this.#own.bytes,
        createRevision: this.createRevision,
        what: this.line.what,
        signal: this.#comingNear.signal,
      });
    } catch (error) {
      if (this.#state === "waiting") this.#fail(error);
    }
  }

  async #enrolIfFree(blockers: KeyRange[]): Promise<void> {
    try {
      const enrolled = await this.#own.enrolIfFree(blockers, this.#signal);
      // found, but waiting as it may have done in a former life: whoever only tries leaves no key behind
      if (!enrolled || (this.#own.found && !(await this.#holdsNow()))) {
        this.#over();
        if (enrolled) this.#own.leave();
        else this.#own.abandon();
        return this.#resolve(undefined);
      }
    } catch (error) {
      return this.#enrolmentFailed(error);
    }
    if (this.#state === "over") return this.#drop(this.#own);
    this.#win();
  }

  async #holdsNow(): Promise<boolean> {
    const holders = this.line.holders(await this.line.contenders());
    return [...holders].some(({ key }) => key === this.key);
  }

  #win(): void {
    // between the event and now the process may have stood still
    const enrolling = this.#state === "enrolling";
    const reason = this.lease.lossReason;
    if (reason) {
      this.#lose(reason);
      if (enrolling) this.#own.forget();
      return;
    }
    const { clock } = this.lease.connection;
    // who waited is followed already
    if (enrolling) this.#moment = clock.setTimer(MOMENT_MS, () => this.line.add(this));
    this.#state = "held";
    this.#heldSince = clock.now();
    if (channels.acquired.hasSubscribers) {
      const { name, key, fencingToken } = this.#told();
      const waitMs = this.#heldSince - this.#since;
      channels.acquired.publish({ name, key, fencingToken, waitMs });
    }
    this.#resolve(this);
  }

  async #exchange(key: string, blockers: KeyRange[]): Promise<Place> {
    const own = this.#own;
    const next = own.next(key);
    const outcome = await own.replaceBy(next, blockers);
    if (outcome === "replaced") {
      if (this.#state !== "held") {
        this.#drop(next);
        await next.gone();
        throw this.whyNotHeld;
      }
      own.forget();
      return this.#goOnBy(next);
    }
    if (outcome === "gone" || this.#keyGone) await this.#keyLost();
    if (this.#state !== "held") throw this.whyNotHeld;
    return this.#goOnBy(own);
  }

  /** Over, and another place holds by `own`. */
  async #goOnBy(own: LineKey): Promise<Place> {
    this.#over();
    channels.released.publish(this.#told());
    const next = new Place(own);
    this.lease.attach(next);
    next.#win();
    // it wins, unless its lease is lost
    if (next.#state !== "held") throw this.lease.lossReason;
    return next;
  }

  /** The wait ends without a win, and takes its key along. */
  #fail(reason: unknown): void {
    if (this.#state !== "enrolling" && this.#state !== "waiting") return;
    const enrolling = this.#state === "enrolling";
    this.#over();
    this.#reject(reason);
    // while the enrolment is under way its outcome decides what there is to delete
    if (!enrolling) this.#own.leave();
  }

  async #keyLost(): Promise<void> {
    if (this.#state === "over") return;
    this.#keyGone = true;
    // a lease that ended takes its keys along: then that is the reason, and `leaseLost` has told it
    this.#losing ??= this.lease.confirm().then(() => this.#lose(this.#keyDeleted()));
    await this.#losing;
  }

  #keyDeleted(): KeyDeletedError {
    return new KeyDeletedError(`${this.line.what}: our key ${this.key} was deleted by another`);
  }

  /** The key, or its lease, is gone without our doing. */
  #lose(reason: KeyDeletedError | SessionExpiredError | SessionClosedError): void {
    const state = this.#state;
    if (state === "over") return;
    this.#over();
    this.#lossReason = reason;
    if (state === "held") {
      channels.lost.publish({ ...this.#told(), reason });
      this.#lost?.abort(reason);
    } else {
      this.#reject(reason);
    }
    if (state !== "enrolling") this.#own.forget();
  }

  #enrolmentFailed(error: unknown): void {
    if (this.#state === "enrolling") {
      this.#over();
      this.#reject(error);
    }
    if (this.#lossReason) this.#own.forget();
    else this.#own.abandon();
  }

  /** Given up, its key goes; lost, that is left to etcd, and to whoever adopts the lease. */
  #drop(own: LineKey): void {
    if (this.#lossReason) own.forget();
    else own.leave();
  }

  #leave(): void {
    this.#over();
    this.#own.leave();
  }

  #over(): void {
    this.#state = "over";
    this.#moment?.cancel();
    this.line.remove(this);
    this.lease.detach(this);
  }

  #told() {
    const heldMs = this.lease.connection.clock.now() - this.#heldSince;
    return { name: this.line.name, key: this.key, fencingToken: this.createRevision, heldMs };
  }
}
