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
import { deleteOwn, enrol, enrolIfFree, replaceOwn } from "./txn.js";

export interface Entry {
  lease: Lease;
  line: Line;
  /** The key to take; with a number behind it while this lease uses it already. */
  key: string;
  value: Buffer;
  /** Where not all who came before are in the way: where those are who may be. */
  blockers?: KeyRange[] | undefined;
  signal?: AbortSignal | undefined;
  /** Told once the key is in line: while it waits, or just before it holds. */
  enrolled?: (place: Place) => void;
  /** Told once the key is no more business of this place: deleted, or left to a lease that is gone. */
  left?: () => void;
}

// A holder who met nobody hears of its key's deletion by following the line, which it does only if it holds on for this
// long: a short hold stays at two calls.
const MOMENT_MS = 250;

/**
 * Takes a place in line and resolves with it once it is our turn. Rejects at once when `signal` aborts or the lease is
 * lost, and the key that was made goes.
 */
export async function enter(entry: Entry): Promise<Place> {
  checkAlive(entry);
  return new Place(entry).wait();
}

/** Takes the first place if `blockers` are all empty, undefined if not. Never joins the line. */
export async function enterIfFree(entry: Entry, blockers: KeyRange[]): Promise<Place | undefined> {
  checkAlive(entry);
  return new Place(entry).tryTake(blockers);
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

/** One contender of ours: from the call that enrols it to the deletion of its key. */
export class Place implements InLine, Dependent {
  readonly line: Line;
  readonly lease: Lease;
  readonly key: string;
  readonly id: string;
  readonly #bytes: Buffer;
  readonly #value: Buffer;
  readonly #blockers: KeyRange[] | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #enrolled: Entry["enrolled"];
  readonly #left: Entry["left"];
  readonly #since: number;
  #state: State = "enrolling";
  #createRevision: bigint | undefined;
  #found: KeyValue | undefined;
  /** An attempt to create the key went unanswered. */
  #doubt = false;
  #settle: Settle | undefined;
  /** Aborts when the holding is lost; for the far part of a wait, when the wait is over. */
  readonly #lost = new AbortController();
  readonly #waitOver = new AbortController();
  #keyGone = false;
  #heldSince = 0;
  #moment: Timer | undefined;
  #leaving: Promise<void> | undefined;
  /** Settles when what `exchange` began is over; never rejects. */
  #exchanging: Promise<void> | undefined;
  #refusal: unknown;

  constructor({ lease, line, key, value, blockers, signal, enrolled, left }: Entry) {
    this.lease = lease;
    this.line = line;
    this.key = lease.reserveKey(key);
    this.#bytes = Buffer.from(this.key);
    this.id = idOf(this.#bytes);
    this.#value = value;
    this.#blockers = blockers;
    this.#signal = signal;
    this.#enrolled = enrolled;
    this.#left = left;
    this.#since = lease.connection.clock.now();
    line.retain();
  }

  get createRevision(): bigint {
    return this.#createRevision ?? 0n;
  }

  /** Our key as a former life, or an attempt without an answer, had left it; undefined where it was made anew. */
  get found(): KeyValue | undefined {
    return this.#found;
  }

  /** Aborts when the place is lost while it holds; not by its release. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Reads the clock. */
  get held(): boolean {
    return this.#state === "held" && !this.#keyGone && this.lease.alive;
  }

  wait(): Promise<Place> {
    return this.#settled(() => this.#enrol()) as Promise<Place>;
  }

  tryTake(blockers: KeyRange[]): Promise<Place | undefined> {
    return this.#settled(() => this.#enrolIfFree(blockers));
  }

  /** Gives the place up. Resolves when its key is gone, or its lease is. */
  async release(): Promise<void> {
    if (this.#state === "held") {
      this.#leave();
      channels.released.publish(this.#told());
    } else if (this.#refusal !== undefined && !this.lease.usesKey(this.key)) {
      this.lease.claimKey(this.key);
      this.line.retain();
      this.#leave();
    }
    await this.#exchanging;
    await this.#leaving;
  }

  /**
   * Goes on by another key, at the end of the line, which comes in the same revision as the one it had goes; where a key is in
   * one of `blockers`, by the same key as before. The place that is returned holds then, and this one is over.
   */
  exchange(key: string, blockers: KeyRange[]): Promise<Place> {
    if (!this.held || this.#exchanging) return Promise.reject(this.#whyNotHeld());
    const { lease, line } = this;
    const next = new Place({ lease, line, key, value: this.#value });
    const exchanging = this.#replace(next, blockers);
    const failed = () => {
      this.#exchanging = undefined;
    };
    this.#exchanging = exchanging.then(() => undefined, failed);
    return exchanging;
  }

  /** Why etcd would not delete our key, though the lease lives; a further `release()` tries again. */
  get refusal(): unknown {
    return this.#refusal;
  }

  turn(): void {
    if (this.#state === "waiting") this.#win();
  }

  deleted(): void {
    if (this.#keyGone || (this.#state !== "held" && this.#state !== "waiting")) return;
    this.#keyGone = true;
    // an exchange deletes the key too: its answer tells
    const exchanged = this.#exchanging ?? Promise.resolve();
    void exchanged.then(() => this.#keyLost());
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
      const abort = () => this.#fail(this.#signal?.reason);
      const stopListening = () => this.#signal?.removeEventListener("abort", abort);
      this.#settle = {
        resolve: (place) => {
          stopListening();
          resolve(place);
        },
        reject: (reason) => {
          stopListening();
          reject(reason);
        },
      };
      this.lease.attach(this);
      this.#signal?.addEventListener("abort", abort);
      start();
    });
  }

  async #enrol(): Promise<void> {
    try {
      const request = { ...this.#request, blockers: this.#blockers ?? [this.line.range] };
      const { createRevision, found, free, count } = await enrol(this.lease, request);
      this.#createRevision = createRevision;
      this.#found = found;
      if (this.#state === "over") return this.#leave();
      this.#enrolled?.(this);
      if (free) return this.#win();
      this.#state = "waiting";
      // where many may hold at once, how many are ahead says nothing about how long it takes
      const far = !this.#blockers && count > NEAR;
      if (far && !this.line.followed) await this.#comeNear();
    } catch (error) {
      return this.#enrolmentFailed(error);
    }
    if (this.#state === "waiting") this.line.add(this);
  }

  async #comeNear(): Promise<void> {
    try {
      await approach(this.lease.connection, {
        line: this.line.range,
        key: this.#bytes,
        createRevision: this.createRevision,
        what: this.line.what,
        signal: this.#waitOver.signal,
      });
    } catch (error) {
      if (this.#state === "waiting") this.#fail(error);
    }
  }

  async #enrolIfFree(blockers: KeyRange[]): Promise<void> {
    try {
      const enrolment = await enrolIfFree(this.lease, { ...this.#request, blockers });
      if (!enrolment) return this.#standAside();
      this.#createRevision = enrolment.createRevision;
      // found, but waiting as it may have done in a former life: whoever only tries leaves no key behind
      if (!enrolment.created && !(await this.#holdsNow())) return this.#standAside();
    } catch (error) {
      return this.#enrolmentFailed(error);
    }
    if (this.#state === "over") return this.#leave();
    this.#win();
  }

  async #holdsNow(): Promise<boolean> {
    const holders = this.line.holders(await this.line.contenders());
    return [...holders].some(({ key }) => key === this.key);
  }

  #standAside(): void {
    const settle = this.#settle;
    this.#state = "over";
    if (this.#createRevision === undefined) this.#forget();
    else this.#leave();
    settle?.resolve(undefined);
  }

  get #request() {
    return {
      key: this.#bytes,
      value: this.#value,
      what: this.line.what,
      scope: this.line.prefix,
      signal: this.#signal,
      unanswered: () => {
        this.#doubt = true;
      },
    };
  }

  #win(): void {
    // between the event and now the process may have stood still
    const enrolling = this.#state === "enrolling";
    const reason = this.lease.lossReason;
    if (reason) {
      this.#lose(reason);
      if (enrolling) this.#forget();
      return;
    }
    const { clock } = this.lease.connection;
    // who waited is followed already
    if (enrolling) {
      this.#moment = clock.setTimer(MOMENT_MS, () => this.line.add(this));
    }
    this.#state = "held";
    this.#heldSince = clock.now();
    const { name } = this.line;
    const waitMs = this.#heldSince - this.#since;
    channels.acquired.publish({ name, key: this.key, fencingToken: this.createRevision, waitMs });
    this.#settle?.resolve(this);
  }

  async #replace(next: Place, blockers: KeyRange[]): Promise<Place> {
    const from = { key: this.#bytes, createRevision: this.createRevision };
    let outcome: Awaited<ReturnType<typeof replaceOwn>>;
    try {
      outcome = await replaceOwn(this.lease, from, { ...next.#request, blockers });
    } catch (error) {
      next.#enrolmentFailed(error);
      throw error;
    }
    if (typeof outcome === "bigint") {
      next.#createRevision = outcome;
      if (this.#state !== "held") {
        next.#leave();
        await next.#leaving;
        throw this.#whyNotHeld();
      }
      this.#handOver();
      return next.#takeOver();
    }
    // an attempt without an answer that arrives late may still make the key, and delete ours: we hear of that as of any deletion
    if (next.#doubt) this.lease.ghosts.suspect(next.key);
    try {
      if (outcome === "gone" || this.#keyGone) await this.#keyLost();
      if (this.#state !== "held") throw this.#whyNotHeld();
      this.#handOver();
      const { lease, line, key } = this;
      const same = new Place({ lease, line, key, value: this.#value });
      same.#createRevision = this.#createRevision;
      return same.#takeOver();
    } finally {
      next.#forget();
    }
  }

  /** Over, and the key is another's to delete. */
  #handOver(): void {
    this.#state = "over";
    this.#forget();
    channels.released.publish(this.#told());
  }

  #takeOver(): Place {
    this.lease.attach(this);
    this.#win();
    if (this.#state !== "held") throw this.#whyNotHeld();
    return this;
  }

  #whyNotHeld(): unknown {
    const told = `${this.line.what} was released: ${this.key}`;
    return this.signal.reason ?? this.lease.lossReason ?? new CoordinationError("RELEASED", told);
  }

  /** The wait ends without a win, and takes its key along. */
  #fail(reason: unknown): void {
    if (this.#state !== "enrolling" && this.#state !== "waiting") return;
    const enrolling = this.#state === "enrolling";
    this.#state = "over";
    this.#settle?.reject(reason);
    this.#waitOver.abort(reason);
    // while the enrolment is under way its outcome decides what there is to delete
    if (!enrolling) this.#leave();
  }

  async #keyLost(): Promise<void> {
    if (this.#state === "over") return;
    this.#keyGone = true;
    // a lease that ended takes its keys along: then that is the reason, and `leaseLost` has told it
    await this.lease.confirm();
    const told = `${this.line.what}: our key ${this.key} was deleted by another`;
    this.#lose(new KeyDeletedError(told));
  }

  /** The key, or its lease, is gone without our doing. */
  #lose(reason: KeyDeletedError | SessionExpiredError | SessionClosedError): void {
    const state = this.#state;
    if (state === "over") return;
    this.#state = "over";
    this.#waitOver.abort(reason);
    if (state === "held") {
      channels.lost.publish({ ...this.#told(), reason });
      this.#lost.abort(reason);
    } else {
      this.#settle?.reject(reason);
    }
    if (state !== "enrolling") this.#forget();
  }

  #enrolmentFailed(error: unknown): void {
    if (this.#state === "enrolling") {
      this.#state = "over";
      this.#settle?.reject(error);
      this.#waitOver.abort(error);
    }
    // found out by deletion, whatever has become of it
    if (this.#doubt) this.#leave();
    else this.#forget();
  }

  /** Deletes the key, again and again until that is answered or the lease is gone. */
  #leave(): void {
    this.#state = "over";
    this.#moment?.cancel();
    this.line.remove(this);
    const { lease, line } = this;
    if (this.#doubt) lease.ghosts.suspect(this.key);
    const deletion = lease.alive
      ? deleteOwn(lease, this.#bytes, this.#createRevision, { what: line.what, scope: line.prefix })
      : Promise.resolve();
    this.#refusal = undefined;
    const refused = (error: unknown) => {
      if (lease.alive) this.#refusal = error;
    };
    this.#leaving = deletion.catch(refused).finally(() => this.#forget());
    lease.connection.background(this.#leaving);
  }

  #forget(): void {
    this.#moment?.cancel();
    this.line.remove(this);
    this.line.release();
    this.lease.detach(this);
    this.lease.freeKey(this.key);
    this.#left?.();
  }

  #told() {
    const heldMs = this.lease.connection.clock.now() - this.#heldSince;
    return { name: this.line.name, key: this.key, fencingToken: this.createRevision, heldMs };
  }
}
