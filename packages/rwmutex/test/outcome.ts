/** What has become of a promise: to ask, without waiting for it. */
export interface Outcome<T> {
  value?: T;
  error?: unknown;
  settled: boolean;
}

/** Follows a promise; a rejection of it is not unhandled then. */
export function outcomeOf<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = { settled: false };
  promise.then(
    (value) => Object.assign(outcome, { value, settled: true }),
    (error) => Object.assign(outcome, { error, settled: true }),
  );
  return outcome;
}
