import { CoordinationError, KeyDeletedError } from "@etcdkit/core";
import {
  enter,
  type Lease,
  type Line,
  leaseHex,
  type Place,
  putOwn,
  unlessAborted,
} from "@etcdkit/core/internal";
import { Leadership } from "./leadership.js";

/** What each session does in the elections it takes part in, by name. Theirs, and gone with them. */
const bidsOfLeases = new WeakMap<Lease, Map<string, Bid>>();

/**
 * What one session does in one election, from the call that begins to campaign until its key is gone: one key, whoever campaigns
 * and however often, as in Go.
 */
export class Bid {
  /** Resolves when our key is gone, or its lease is. */
  readonly gone: Promise<void>;
  readonly #lease: Lease;
  readonly #line: Line;
  readonly #giveUp = new AbortController();
  /** Settles once our key is in line; rejects when the campaign fails before. */
  readonly #inLine: Promise<unknown>;
  readonly #won: Promise<Leadership>;
  #place: Place | undefined;
  #leadership: Leadership | undefined;
  #value: Buffer;
  #modRevision = 0n;
  /** The last write asked for. */
  #write: Promise<void> = Promise.resolve();
  #calls = 0;
  /** Some call has returned the leadership: it is somebody's to resign. */
  #taken = false;
  #resigned = false;
  #failed = false;

  /** The bid of this session in this election; undefined if there is none. */
  static present(lease: Lease, name: string): Bid | undefined {
    return bidsOfLeases.get(lease)?.get(name);
  }

  constructor(lease: Lease, line: Line, value: Buffer) {
    this.#lease = lease;
    this.#line = line;
    this.#value = value;
    const bids = bidsOfLeases.get(lease) ?? new Map<string, Bid>();
    bidsOfLeases.set(lease, bids.set(line.name, this));
    let left = () => {};
    this.gone = new Promise((resolve) => {
      // the deletion hears of the end of the lease only when an attempt has ended
      const withLease = { leaseLost: () => left() };
      lease.attach(withLease);
      left = () => {
        lease.detach(withLease);
        if (bids.get(line.name) === this) bids.delete(line.name);
        resolve();
      };
    });
    let enrolled = (_: Place) => {};
    const enrolment = new Promise<void>((resolve) => {
      enrolled = (place) => {
        this.#place = place;
        this.#value = place.found?.value ?? value;
        this.#modRevision = place.found?.modRevision ?? place.createRevision;
        resolve();
      };
    });
    const key = `${line.name}/${leaseHex(lease.id)}`;
    const turn = enter({ lease, line, key, value, signal: this.#giveUp.signal, enrolled, left });
    this.#won = turn.then((place) => {
      this.#leadership = new Leadership(place, this);
      return this.#leadership;
    });
    this.#inLine = Promise.race([enrolment, turn]);
    // every call hears of it by itself; one that was cancelled need not
    this.#inLine.catch(() => {
      this.#failed = true;
    });
    this.#won.catch(() => {
      this.#failed = true;
    });
  }

  /** Nobody can join it any more: it was resigned, lost or given up. */
  get over(): boolean {
    const { aborted } = this.#giveUp.signal;
    return this.#failed || aborted || (this.#leadership !== undefined && !this.#leadership.held);
  }

  /** Our key has been in line: until then, what etcd refuses is the value of the call that began. */
  get enrolled(): boolean {
    return this.#place !== undefined;
  }

  /** As etcd has it, by its last answer. */
  get value(): Buffer {
    return this.#value;
  }

  /** Waits for the leadership with `value` proposed. When the last call gives up, the key goes. */
  async join(value: Buffer, signal: AbortSignal | undefined): Promise<Leadership> {
    this.#calls++;
    try {
      const both = Promise.all([this.#won, this.propose(value, { evenIfSame: false, signal })]);
      const [leadership] = await unlessAborted(both, signal);
      // resigned by another call, or lost, while this one wrote
      if (this.over) throw await this.#whyOver();
      this.#taken = true;
      return leadership;
    } finally {
      this.#calls--;
      if (this.#calls === 0 && !this.#taken) {
        this.#giveUp.abort(signal?.reason);
        // won already, but nobody got to know
        void this.#place?.release();
      }
    }
  }

  /** Writes `value` on our key, after whatever was asked for before; not once `signal` is aborted. */
  propose(
    value: Buffer,
    { evenIfSame = true, signal }: { evenIfSame?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const write = this.#write.then(async () => {
      await this.#inLine;
      if (signal?.aborted) return;
      if (evenIfSame || !value.equals(this.#value)) await this.#put(value);
    });
    this.#write = write.catch(() => undefined);
    return write;
  }

  /** The leadership is being resigned. */
  resigned(): void {
    this.#resigned = true;
  }

  async #put(value: Buffer): Promise<void> {
    if (this.over || !this.#place) throw await this.#whyOver();
    const own = {
      key: Buffer.from(this.#place.key),
      createRevision: this.#place.createRevision,
      modRevision: this.#modRevision,
    };
    const { what, prefix: scope } = this.#line;
    const written = await putOwn(this.#lease, own, value, { what, scope });
    if (written === undefined) {
      // it may be a while until the watch says so
      this.#place.deleted();
      throw await this.#whyOver();
    }
    this.#modRevision = written;
    this.#value = value;
  }

  async #whyOver(): Promise<CoordinationError> {
    const { what } = this.#line;
    await this.#place?.losing;
    if (this.#resigned) return new CoordinationError("RELEASED", `${what} was resigned meanwhile`);
    return this.#lease.lossReason ?? new KeyDeletedError(`${what}: our key was deleted by another`);
  }
}
