import type { KeyRange, KeyValue } from "./etcd.js";
import { formerKeys } from "./former-keys.js";
import type { Lease } from "./lease.js";
import type { Line } from "./line.js";
import { deleteOwn, type Enrol, enrol, enrolIfFree, putOwn, replaceOwn } from "./txn.js";

export interface LineKeyOptions {
  lease: Lease;
  line: Line;
  /** The key to take; with a number behind it while this lease uses it already, or where a former life of the lease left that. */
  key: string;
  value: Buffer;
  /** Not one that an earlier attempt without an answer may have left, or may yet make. */
  unsuspected?: boolean | undefined;
  /** Told once the key is no more business of ours: deleted, or left to a lease that is gone. */
  left?: (() => void) | undefined;
}

/** A key of ours in a line: made, found where a reply was lost, and deleted in the end, whatever has become of it. */
export class LineKey {
  readonly lease: Lease;
  readonly line: Line;
  readonly #base: string;
  readonly #value: Buffer;
  readonly #left: LineKeyOptions["left"];
  #name: string;
  #bytes: Buffer;
  #createRevision: bigint | undefined;
  #found: KeyValue | undefined;
  /** It may be there without our knowing. */
  #doubt = false;
  #leaving: Promise<void> | undefined;
  #refusal: unknown;

  constructor({ lease, line, key, value, unsuspected, left }: LineKeyOptions) {
    this.lease = lease;
    this.line = line;
    this.#base = key;
    this.#name = lease.reserveKey(key, { unsuspected });
    this.#bytes = Buffer.from(this.#name);
    this.#value = value;
    this.#left = left;
    line.retain();
  }

  /** Fixed once it begins to enrol; on an adopted lease, once it is known what that has in line. */
  get name(): string {
    return this.#name;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Undefined until it is known. */
  get createRevision(): bigint | undefined {
    return this.#createRevision;
  }

  /** As a former life, or an attempt without an answer, had left it; undefined where it was made anew. */
  get found(): KeyValue | undefined {
    return this.#found;
  }

  /** Why etcd would not delete it, though the lease lives. */
  get refusal(): unknown {
    return this.#refusal;
  }

  /** Joins the line. Resolves with how many of `blockers` are ahead. Where it rejects, `abandon` it. */
  async enrol(blockers: KeyRange[], signal: AbortSignal | undefined): Promise<number> {
    if (this.lease.adopted) await this.#takeFormer(signal);
    const enrolment = await enrol(this.lease, this.#request(blockers, signal));
    this.#createRevision = enrolment.createRevision;
    this.#found = await this.#withOurValue(enrolment.found);
    return enrolment.ahead;
  }

  /** Resolves with whether the key is there: made now, where no key was in `blockers`, or found. Where it rejects, `abandon` it. */
  async enrolIfFree(blockers: KeyRange[], signal: AbortSignal | undefined): Promise<boolean> {
    if (this.lease.adopted) await this.#takeFormer(signal);
    const enrolment = await enrolIfFree(this.lease, this.#request(blockers, signal));
    this.#createRevision = enrolment?.createRevision;
    this.#found = await this.#withOurValue(enrolment?.found);
    return enrolment !== undefined;
  }

  /** Another one of this line and lease, not yet made: what is found of it is of our own attempt then, and of no earlier one. */
  next(key: string): LineKey {
    const { lease, line } = this;
    return new LineKey({ lease, line, key, value: this.#value, unsuspected: true });
  }

  /**
   * Puts another in the place of this one, in one revision: "replaced". Where a key is in one of `blockers`, this one stays:
   * "kept"; where it is not ours any more: "gone". Unless it replaced this one, or where it rejects, the other is abandoned.
   */
  async replaceBy(next: LineKey, blockers: KeyRange[]): Promise<"replaced" | "kept" | "gone"> {
    const own = { key: this.bytes, createRevision: this.#createRevision ?? 0n };
    try {
      const outcome = await replaceOwn(this.lease, own, next.#request(blockers, undefined));
      if (typeof outcome === "bigint") {
        next.#createRevision = outcome;
        return "replaced";
      }
      // an attempt without an answer that arrives late may still make it, and delete ours: we hear of that as of any deletion
      next.forget();
      return outcome;
    } catch (error) {
      next.abandon();
      throw error;
    }
  }

  /** After a failed enrolment: what may be there goes, whatever has become of it. */
  abandon(): void {
    if (this.#doubt) this.leave();
    else this.forget();
  }

  /** Deletes it, again and again until that is answered or the lease is gone. */
  leave(): void {
    this.#refusal = undefined;
    this.#leaving = this.#delete();
    this.lease.connection.background(this.#leaving);
  }

  /** Tries once more what etcd refused. */
  leaveAgain(): void {
    if (this.#refusal === undefined || this.lease.usesKey(this.name)) return;
    this.lease.claimKey(this.name);
    this.line.retain();
    this.leave();
  }

  /** Resolves when the deletion that was begun is over; never rejects. */
  gone(): Promise<void> {
    return this.#leaving ?? Promise.resolve();
  }

  /** No more business of ours, unless an attempt without an answer makes it yet. */
  forget(): void {
    if (this.#doubt) this.lease.ghosts.suspect(this.name);
    this.line.release();
    this.lease.freeKey(this.name);
    this.#left?.();
  }

  /** A former life may have had other calls than this one: its places are taken up in their order, whatever their numbers. */
  async #takeFormer(signal: AbortSignal | undefined): Promise<void> {
    const { lease, line } = this;
    let former: string[] = [];
    // left to other calls until it is known
    lease.freeKey(this.#name);
    try {
      former = await formerKeys(lease, this.#base, { what: line.what, signal });
    } finally {
      const free = former.find((name) => !lease.usesKey(name));
      if (free !== undefined) lease.claimKey(free);
      this.#doubt = free !== undefined;
      this.#name = free ?? lease.reserveKey(this.#base);
      this.#bytes = Buffer.from(this.#name);
    }
  }

  /** What a former life, or another call, had written on it gives way. */
  async #withOurValue(found: KeyValue | undefined): Promise<KeyValue | undefined> {
    const value = this.#value;
    if (!found || found.value.equals(value)) return found;
    const { what, prefix: scope } = this.line;
    const written = await putOwn(this.lease, found, value, { what, scope });
    // if not, it is gone, of which we hear as of any deletion
    return written === undefined ? found : { ...found, value, modRevision: written };
  }

  async #delete(): Promise<void> {
    const { lease, line } = this;
    const about = { what: line.what, scope: line.prefix };
    try {
      if (lease.standing) await deleteOwn(lease, this.bytes, this.#createRevision, about);
    } catch (error) {
      if (!lease.alive) return;
      this.#refusal = error;
      // it may be allowed later, as when a role is given back
      lease.ghosts.suspect(this.name);
    } finally {
      this.forget();
    }
  }

  #request(blockers: KeyRange[], signal: AbortSignal | undefined): Enrol {
    const { line } = this;
    const unanswered = () => {
      this.#doubt = true;
    };
    return {
      key: this.bytes,
      value: this.#value,
      blockers,
      what: line.what,
      scope: line.prefix,
      signal,
      unanswered,
    };
  }
}
