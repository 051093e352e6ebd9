import { performance } from "node:perf_hooks";

// Node compiles what has run often enough: for a slow operation a second alone is too early
const OPERATIONS = 2_000;

/** What comes before the measuring: a second and 2,000 operations, or four seconds; less where less is measured. */
export class WarmUp {
  readonly #start = performance.now();
  readonly #leastMs: number;
  #done = 0;

  constructor(seconds: number) {
    this.#leastMs = Math.min(seconds / 2, 1) * 1_000;
  }

  /** One more operation was done. True once that is enough. */
  enough(): boolean {
    const ms = performance.now() - this.#start;
    this.#done++;
    return ms >= 4 * this.#leastMs || (ms >= this.#leastMs && this.#done >= OPERATIONS);
  }
}
