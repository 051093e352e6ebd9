import { bundle } from "./bundle.js";
import { runCrew } from "./crew.js";
import type { Mutation } from "./mutations.js";
import type { SeedRun, Shrunken } from "./shift.js";

export interface SeedOptions {
  first: number;
  count: number;
  workers: number;
  print: (line: string) => void;
  /** Made in the library first: how a failure is reported cannot be seen on one that is well. */
  mutation?: Mutation;
}

/** Of a shrunken history that is longer, the end is shown: what went wrong is the last line. */
const MOST_LINES = 150;

/** Runs the seeds and prints what they saw. True: no violation. */
export async function simulateSeeds({
  first,
  count,
  workers,
  print,
  mutation,
}: SeedOptions): Promise<boolean> {
  await using bundled = await bundle(mutation);
  const startedAt = performance.now();
  const totals = new Totals();
  const shift = { from: first, to: first + count, failures: 1, mostMs: Infinity, shrink: true };
  await runCrew(bundled, { ...shift, workers: Math.min(workers, count) }, (message) => {
    if ("shrunken" in message) printFailure(message.seed, message.shrunken, print);
    else totals.add(message);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  totals.print(seconds, print);
  return totals.failed === 0;
}

function printFailure(
  seed: number,
  { actors, violations, lines }: Shrunken,
  print: SeedOptions["print"],
) {
  print(`seed ${seed} fails. Shrunken to:`);
  for (const actor of actors) print(`  ${actor}`);
  for (const line of lines.slice(-MOST_LINES)) print(line);
  for (const violation of violations) print(`  ${violation}`);
  print(`again: pnpm simulate --seed ${seed}`);
}

class Totals {
  #seeds = 0;
  #steps = 0;
  #won = 0;
  failed = 0;
  readonly #faults = new Map<string, number>();
  readonly #actors = new Map<string, number>();

  add({ steps, won, faults, actors, violations }: SeedRun): void {
    this.#seeds++;
    this.#steps += steps;
    this.#won += won;
    if (violations.length > 0) this.failed++;
    for (const kind of faults) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1);
    for (const kind of actors) this.#actors.set(kind, (this.#actors.get(kind) ?? 0) + 1);
  }

  print(seconds: number, print: SeedOptions["print"]): void {
    const perSecond = Math.round(this.#seeds / seconds);
    print(
      `${this.#seeds} seeds in ${seconds.toFixed(1)} s (${perSecond} a second), ${this.#steps} steps`,
    );
    print(`won: ${this.#won} locks and leaderships`);
    print(`tasks: ${told(this.#actors)}`);
    print(`faults: ${told(this.#faults)}`);
    print(`violations: ${this.failed === 0 ? "none" : `in ${this.failed} seeds`}`);
  }
}

function told(counts: Map<string, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(", ");
}
