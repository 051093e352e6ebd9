/** The time since it was made, as text of a fixed width. */
export class Stopwatch {
  readonly #start = performance.now();

  toString(): string {
    return seconds(performance.now() - this.#start).padStart(7);
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
