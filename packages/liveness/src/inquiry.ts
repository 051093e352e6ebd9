/** Fewer silent ones are none, however small the group. */
export const CROWD = 3;

/** Asks a sample of all whether many have missed a renewal at once: a doubt of the observer, before it suspects anybody. */
export class Inquiry<Subject> {
  readonly #unanswered: Set<Subject>;
  #asked: number;
  #silent = 0;

  /** Goes on until all of `sample`, which stands for `all`, have answered, or `until`. */
  constructor(
    sample: Iterable<Subject>,
    readonly all: number,
    readonly startedAt: number,
    readonly until: number,
  ) {
    this.#unanswered = new Set(sample);
    this.#asked = this.#unanswered.size;
  }

  answered(subject: Subject, missedRenewal: boolean): void {
    if (this.#unanswered.delete(subject) && missedRenewal) this.#silent++;
  }

  /** It is no member any more: what it would have answered does not count. */
  gone(subject: Subject): void {
    if (this.#unanswered.delete(subject)) this.#asked--;
  }

  over(now: number): boolean {
    return this.#unanswered.size === 0 || now >= this.until;
  }

  get silent(): number {
    return this.#silent;
  }

  get lookedAt(): number {
    return this.#asked - this.#unanswered.size;
  }

  /**
   * Whether more than `share` fell silent at once: of all, and of those who were `lost` of late, dead or suspected without an
   * inquiry, as it goes on until the last of them is. Undefined where too few have answered to say.
   */
  many(share: number, lost: number): boolean | undefined {
    if (this.lookedAt < this.#asked / 2) return undefined;
    if (this.#silent === 0 || this.#silent + lost < CROWD) return false;
    const silent = (this.#silent / this.lookedAt) * this.all;
    return silent + lost > share * (this.all + lost);
  }
}
