/** Fewer silent ones are no crowd, however small the group. */
const FEW = 3;

/** Asks a sample of all whether many have missed a renewal at once: a doubt of the observer, before it suspects anybody. */
export class Inquiry<Subject> {
  readonly #unanswered: Set<Subject>;
  #asked: number;
  #silent = 0;

  /** Goes on until all have answered, or `until`. */
  constructor(
    sample: Iterable<Subject>,
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

  /** Whether more than `share` are silent; undefined where too few have answered to say. */
  many(share: number): boolean | undefined {
    if (this.lookedAt < this.#asked / 2) return undefined;
    return this.#silent >= FEW && this.#silent > share * this.lookedAt;
  }
}
