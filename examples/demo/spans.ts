/** For how long somebody had what only one may have, in nanoseconds of the clock that all processes of a machine share. */
export interface Span {
  readonly who: string;
  readonly fencingToken: bigint;
  readonly began: bigint;
  ended?: bigint;
  /** The process was killed in it. */
  cutShort?: boolean;
}

/** All turns at the lock, or terms of leaders, as the instances reported them, and what is wrong with them. */
export class Spans {
  readonly #all: Span[] = [];

  began(span: Span): void {
    this.#all.push(span);
  }

  ended(who: string, at: bigint): void {
    const span = this.underWay(who);
    if (span) span.ended = at;
  }

  /** `at` is when the process was gone for certain. */
  died(who: string, at: bigint): void {
    const span = this.underWay(who);
    if (span) Object.assign(span, { ended: at, cutShort: true });
  }

  underWay(who: string): Span | undefined {
    return this.#all.find((span) => span.who === who && span.ended === undefined);
  }

  finished(who?: string): number {
    return this.#all.filter(
      (span) => span.ended !== undefined && !span.cutShort && (!who || span.who === who),
    ).length;
  }

  // the reports of different processes need not arrive in the order they were made
  get inOrder(): Span[] {
    return [...this.#all].sort((a, b) => (a.began < b.began ? -1 : 1));
  }

  /** How many began before one that began earlier had ended. */
  get overlaps(): number {
    let busyUntil = 0n;
    let overlaps = 0;
    for (const { began, ended = began } of this.inOrder) {
      if (began < busyUntil) overlaps++;
      if (ended > busyUntil) busyUntil = ended;
    }
    return overlaps;
  }

  /** Whether each one's fencing token is larger than those of all before it. */
  get tokensIncrease(): boolean {
    const tokens = this.inOrder.map(({ fencingToken }) => fencingToken);
    return tokens.every((token, i) => i === 0 || token > (tokens[i - 1] ?? token));
  }

  /** The longest time that nobody had it, before one that began after `since`; in milliseconds. */
  longestGapMs(since: bigint): number {
    const gaps = this.inOrder.map(({ began }, i, all) => {
      const before = all[i - 1]?.ended;
      return began > since && before !== undefined ? Number(began - before) / 1e6 : 0;
    });
    return Math.max(0, ...gaps);
  }
}
