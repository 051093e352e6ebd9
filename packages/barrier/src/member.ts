import { KeyDeletedError, type SessionClosedError, type SessionExpiredError } from "@etcdkit/core";
import { type Lease, leaseHex, type Timer } from "@etcdkit/core/internal";
import type { BarrierError } from "./errors.js";
import type { Attendant, Gathering } from "./gathering.js";
import {
  createMember,
  deleteLastMember,
  deleteMember,
  type MemberKey,
  type Membership,
  putReady,
} from "./member-key.js";
import { encodeCount } from "./member-value.js";
import { agrees, type Present, type Ready, roundOf } from "./present.js";
import { passedOver, refusalOf } from "./refusal.js";
import { withdrawMember } from "./withdrawal.js";

// Whoever completes the round puts `ready`. Where it does not come to that, for it has died say, the others do after this long.
const STEP_IN_MS = 250;

type State = "creating" | "refused" | "waiting" | "in" | "leaving" | "over";

/** One member of a double barrier: from the call that makes its key to the deletion of the key. */
export class Member implements Attendant, MemberKey {
  readonly key: Buffer;
  readonly what: string;
  readonly #name: string;
  #state: State = "creating";
  #createRevision: bigint | undefined;
  /** The key may be there without our knowing. */
  #doubt = false;
  #keyGone = false;
  /** The revision of the `ready` that let us in: who is older than that is of our round. */
  #round = 0n;
  #lossReason: Error | undefined;
  #settle: { resolve(): void; reject(reason: unknown): void } | undefined;
  readonly #cancelled = new AbortController();
  #stepIn: Timer | undefined;
  #puttingReady = false;
  #deletion: Promise<void> | undefined;

  constructor(
    readonly lease: Lease,
    readonly gathering: Gathering,
    readonly count: number,
  ) {
    this.what = `double barrier ${gathering.name}`;
    // a key left by an earlier attempt may have been let in with an earlier round
    this.#name = lease.reserveKey(`${gathering.name}/waiters/${leaseHex(lease.id)}`, {
      unsuspected: true,
    });
    this.key = Buffer.from(this.#name);
    lease.attach(this);
    gathering.retain();
  }

  get createRevision(): bigint {
    return this.#createRevision ?? 0n;
  }

  enter(signal: AbortSignal | undefined): Promise<void> {
    return this.#settled(signal, () => this.#create());
  }

  leave(signal: AbortSignal | undefined): Promise<void> {
    // reads the clock: a lease that is over is heard of before anything is sent
    void this.lease.lossReason;
    if (this.#state !== "in") return Promise.reject(this.#lossReason);
    this.#state = "leaving";
    return this.#settled(signal, () => this.gathering.add(this));
  }

  look(): void {
    const { gathering, key, createRevision } = this;
    if (this.#state === "over") return;
    if (!this.#deletion && !gathering.has(key, createRevision)) this.#deleted();
    else if (this.#state === "leaving") this.#lookForTheEnd();
    else if (this.#state === "waiting") this.#lookForReady();
  }

  failed(error: unknown): void {
    // who is in keeps its key: that the barrier cannot be followed is nothing to it before it leaves
    if (this.#state === "waiting" || this.#state === "leaving") this.#fail(error);
  }

  leaseLost(reason: SessionExpiredError | SessionClosedError): void {
    this.#lose(reason);
  }

  #settled(signal: AbortSignal | undefined, start: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => this.#fail(signal?.reason);
      const settle = () => signal?.removeEventListener("abort", abort);
      this.#settle = {
        resolve: () => {
          settle();
          resolve();
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort);
      start();
    });
  }

  async #create(): Promise<void> {
    let membership: Membership;
    try {
      const unanswered = () => {
        this.#doubt = true;
      };
      const value = encodeCount(this.count);
      membership = await createMember(this, value, this.#cancelled.signal, unanswered);
    } catch (error) {
      this.#creationFailed(error);
      return;
    }
    this.#createRevision = membership.createRevision;
    if (this.#state === "over") return this.#takeAway();
    const refusal = refusalOf(this, membership);
    const { members, ready, readyNow } = membership;
    if (refusal) return await this.#withdraw(ready, refusal);
    this.#state = "waiting";
    if (readyNow.modRevision >= this.createRevision) return this.#letInBy(readyNow);
    const round = roundOf(members.filter(agrees(this.count)), this.count, ready.modRevision);
    if (round) this.#letIn(round, ready.modRevision);
    this.gathering.add(this);
  }

  /** Whoever is refused finds nothing left of it. */
  async #withdraw(ready: Ready, refusal: BarrierError): Promise<void> {
    this.#state = "refused";
    try {
      const letInBy = await withdrawMember(this, this.createRevision, ready.modRevision);
      if (this.#state !== "refused") return;
      if (letInBy) return this.#entered(letInBy.modRevision);
      this.#deletion = Promise.resolve();
    } catch {
      // tried once more, as after any other failure
    }
    this.#fail(refusal);
  }

  #lookForReady(): void {
    const { lastReady } = this.gathering;
    if (lastReady.modRevision >= this.createRevision) return this.#letInBy(lastReady);
    if (this.#puttingReady) return;
    if (!this.#fullRound()) {
      this.#stepIn?.cancel();
      this.#stepIn = undefined;
      return;
    }
    this.#stepIn ??= this.lease.connection.clock.setTimer(STEP_IN_MS, () => {
      this.#stepIn = undefined;
      const round = this.#fullRound();
      if (round) this.#letIn(round, this.gathering.readyRevision);
    });
  }

  /** That we are of; undefined while it is not full. */
  #fullRound(): readonly Present[] | undefined {
    const { gathering, count, createRevision } = this;
    const round = roundOf(gathering.members(count), count, gathering.lastReady.modRevision);
    const last = round?.at(-1);
    return last && last.createRevision >= createRevision ? round : undefined;
  }

  #letIn(round: readonly Present[], readyRevision: bigint): void {
    this.#puttingReady = true;
    putReady(this, this.createRevision, round, readyRevision).then(
      (ready) => {
        this.#puttingReady = false;
        if (this.#state !== "waiting") return;
        // if not, somebody went in that moment, or `ready` changed: seen here soon, or already
        if (ready.modRevision >= this.createRevision) this.#letInBy(ready);
        else this.gathering.add(this);
      },
      (error) => this.failed(error),
    );
  }

  /** Unless it lets in others. */
  #letInBy(ready: Ready): void {
    if (agrees(this.count)(ready)) return this.#entered(ready.modRevision);
    this.#stepIn?.cancel();
    this.gathering.remove(this);
    void this.#withdraw(ready, passedOver(this, ready));
  }

  #entered(round: bigint): void {
    // between the event and now the process may have stood still
    if (this.lease.lossReason) return;
    this.#stepIn?.cancel();
    this.#round = round;
    this.#state = "in";
    this.gathering.add(this);
    this.#settle?.resolve();
  }

  /**
   * The eldest of the round stays until all others have gone, and all others go and wait for that: so each knows the end of the
   * round by the keys alone, and whoever dies is not waited for.
   */
  #lookForTheEnd(): void {
    // an answer may have let us in that the watch has not caught up with: the younger ones of the round are not seen yet
    if (this.gathering.revision < this.#round) return;
    const [eldest, second] = this.gathering.members(this.count);
    if (this.#deletion) {
      if (!this.#isOfRound(eldest)) this.#left();
    } else if (!eldest?.key.equals(this.key)) {
      this.#deletion = deleteMember(this, this.createRevision);
      this.#deletion.catch((error) => this.failed(error));
    } else if (!this.#isOfRound(second)) {
      this.#deletion = deleteLastMember(this, this.createRevision, this.#round);
      this.#deletion.then(
        () => this.#left(),
        (error) => this.failed(error),
      );
    }
  }

  #isOfRound(member: Present | undefined): boolean {
    return member !== undefined && member.createRevision <= this.#round;
  }

  #left(): void {
    if (this.#state !== "leaving") return;
    this.#takeAway();
    this.#settle?.resolve();
  }

  #deleted(): void {
    if (this.#keyGone) return;
    this.#keyGone = true;
    // a lease that ended takes its keys along: then that is the reason, and `leaseLost` has told it
    void this.lease.confirm().then(() => {
      this.#lose(new KeyDeletedError(`${this.what}: our key ${this.#name} was deleted by another`));
    });
  }

  /** The call ends without success, and takes the key along. */
  #fail(reason: unknown): void {
    const state = this.#state;
    if (state === "over" || state === "in") return;
    this.#state = "over";
    this.#settle?.reject(reason);
    this.#cancelled.abort(reason);
    // while the creation is under way its outcome decides what there is to delete
    if (this.#createRevision !== undefined) this.#takeAway();
  }

  /** The key, or its lease, is gone without our doing. */
  #lose(reason: Error): void {
    const state = this.#state;
    if (state === "over") return;
    this.#state = "over";
    this.#lossReason = reason;
    this.#settle?.reject(reason);
    this.#cancelled.abort(reason);
    if (this.#createRevision !== undefined) this.#forget();
  }

  #creationFailed(error: unknown): void {
    if (this.#state === "creating") {
      this.#state = "over";
      this.#settle?.reject(error);
    }
    // found out by deletion, whatever has become of it
    if (this.#doubt) this.#takeAway();
    else this.#forget();
  }

  /** Deletes the key, again and again until that is answered or the lease is gone; not where an orphaned lease took it along. */
  #takeAway(): void {
    this.#state = "over";
    this.#stepIn?.cancel();
    this.gathering.remove(this);
    const ours = this.lease.standing && !this.#lossReason;
    this.#deletion ??= ours ? deleteMember(this, this.#createRevision) : Promise.resolve();
    const refused = () => {
      // it may be allowed later, as when a role is given back
      this.#doubt = true;
    };
    const gone = this.#deletion.catch(refused).finally(() => this.#forget());
    this.lease.connection.background(gone);
  }

  #forget(): void {
    if (this.#doubt) this.lease.ghosts.suspect(this.#name);
    this.#stepIn?.cancel();
    this.gathering.remove(this);
    this.gathering.release();
    this.lease.detach(this);
    this.lease.freeKey(this.#name);
  }
}
