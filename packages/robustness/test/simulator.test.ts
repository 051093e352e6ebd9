import { expect, test } from "vitest";
import { bundle } from "../src/simulator/bundle.js";
import { runCrew } from "../src/simulator/crew.js";
import type { SeedRun } from "../src/simulator/shift.js";

const SEEDS = 400;

test("hundreds of seeds, and nothing that must not be", { timeout: 120_000 }, async () => {
  const runs = await runSeeds(1, SEEDS);
  expect(runs).toHaveLength(SEEDS);
  expect(
    runs.flatMap(({ seed, violations }) => violations.map((what) => ({ seed, what }))),
  ).toEqual([]);
  // it was no sleep-walk: much was won, and much went wrong
  const sum = (of: (run: SeedRun) => number) => runs.reduce((total, run) => total + of(run), 0);
  expect(sum(({ won }) => won)).toBeGreaterThan(SEEDS);
  expect(sum(({ faults }) => faults.length)).toBeGreaterThan(SEEDS);
});

test("one seed is one run, always the same", { timeout: 60_000 }, async () => {
  const hashes = async () => (await runSeeds(1, 40)).map(({ seed, hash }) => ({ seed, hash }));
  const first = await hashes();
  expect(await hashes()).toEqual(first);
  expect(new Set(first.map(({ hash }) => hash)).size).toBe(first.length);
});

async function runSeeds(from: number, to: number): Promise<SeedRun[]> {
  await using bundled = await bundle();
  const runs: SeedRun[] = [];
  const shift = { from, to: to + 1, failures: 3, mostMs: 100_000, shrink: false };
  await runCrew(bundled, { ...shift, workers: 2 }, (message) => {
    if ("violations" in message) runs.push(message);
  });
  return runs.sort((a, b) => a.seed - b.seed);
}
