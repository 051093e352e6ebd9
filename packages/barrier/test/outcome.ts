export interface Outcome {
  /** "pending" until the promise has settled; then "done", or what it was rejected with. */
  readonly now: unknown;
  /** The same, once it has settled. */
  readonly settled: Promise<unknown>;
}

/** What becomes of a promise, to look at without waiting for it. */
export function outcomeOf(promise: Promise<unknown>): Outcome {
  const outcome: { now: unknown; settled: Promise<unknown> } = {
    now: "pending",
    settled: promise
      .then(
        () => "done",
        (error) => error,
      )
      .then((now) => {
        outcome.now = now;
        return now;
      }),
  };
  return outcome;
}

/** What many outcomes are now. */
export function all(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.map(({ now }) => now);
}
