/** One worker's stay in the lock, in nanoseconds of the clock that all processes of a machine share. */
export interface Turn {
  readonly worker: string;
  readonly fencingToken: bigint;
  readonly began: bigint;
  ended?: bigint;
  /** The worker was killed in it. */
  cutShort?: boolean;
}

/** All turns as the workers reported them, and what is wrong with them. */
export class Turns {
  readonly all: Turn[] = [];

  began(turn: Turn): void {
    this.all.push(turn);
  }

  ended(worker: string, at: bigint): void {
    const turn = this.underWay(worker);
    if (turn) turn.ended = at;
  }

  /** `at` is when the process was gone for certain. */
  died(worker: string, at: bigint): void {
    const turn = this.underWay(worker);
    if (turn) Object.assign(turn, { ended: at, cutShort: true });
  }

  underWay(worker: string): Turn | undefined {
    return this.all.find((turn) => turn.worker === worker && turn.ended === undefined);
  }

  finished(worker?: string): number {
    return this.all.filter(
      (turn) => turn.ended !== undefined && !turn.cutShort && (!worker || turn.worker === worker),
    ).length;
  }

  /** How many turns began before one that began earlier had ended. */
  get overlaps(): number {
    let busyUntil = 0n;
    let overlaps = 0;
    for (const { began, ended = began } of this.#inOrder) {
      if (began < busyUntil) overlaps++;
      if (ended > busyUntil) busyUntil = ended;
    }
    return overlaps;
  }

  /** Whether each turn's fencing token is larger than those of all before it. */
  get tokensIncrease(): boolean {
    const tokens = this.#inOrder.map(({ fencingToken }) => fencingToken);
    return tokens.every((token, i) => i === 0 || token > (tokens[i - 1] ?? token));
  }

  // the reports of different processes need not arrive in the order they were made
  get #inOrder(): Turn[] {
    return [...this.all].sort((a, b) => (a.began < b.began ? -1 : 1));
  }
}
