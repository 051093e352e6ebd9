import { expect, test } from "vitest";
import { mutations } from "../src/simulator/mutations.js";
import { drawPlan } from "../src/simulator/plan.js";
import { simulateSeeds } from "../src/simulator/seed-report.js";

// the first of these fails within some seeds, and not at once: there is something to leave out
const MUTATION = "a cancelled wait leaves its key";

async function reported(first: number, count: number): Promise<string[]> {
  const mutation = mutations.find(({ name }) => name === MUTATION);
  if (!mutation) throw new Error(`${MUTATION} is no mutation any more`);
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const well = await simulateSeeds({ first, count, workers: 1, print, mutation });
  expect(well).toBe(false);
  return lines;
}

/** What is printed of the seed that failed, without the totals of all. */
function failure(lines: string[]): string[] {
  const from = lines.findIndex((line) => line.endsWith("fails. Shrunken to:"));
  return lines.slice(from, lines.findIndex((line) => line.startsWith("again: ")) + 1);
}

test("a seed that fails is told with its shrunken history, and the command that repeats it does", {
  timeout: 120_000,
}, async () => {
  const lines = failure(await reported(1, 500));
  const seed = Number(/^seed (\d+) fails/.exec(lines[0] ?? "")?.[1]);
  expect(lines.at(-1)).toBe(`again: pnpm simulate --seed ${seed}`);

  // who took part, what happened up to the violation, and the violation
  const { actors, faults } = drawPlan(seed);
  const text = lines.join("\n");
  expect(text).toMatch(/^ {2}\S+ .* on c\d$/m);
  const at = lines.findIndex((line) => line.includes(" VIOLATION "));
  expect(at).toBeGreaterThan(3);
  const violation = lines[at]?.split(" VIOLATION ")[1];
  expect(lines.slice(at)).toContain(`  ${violation}`);

  // less of it than there was
  const left = {
    actors: lines.filter((line) => / on c\d$/.test(line) && line.startsWith("  ")).length,
    faults: lines.filter((line) => line.includes(" FAULT ")).length,
  };
  expect(left.actors).toBeGreaterThan(0);
  expect(left.actors + left.faults).toBeLessThan(actors.length + faults.length);

  // as `pnpm simulate --seed` does
  expect(failure(await reported(seed, 1))).toEqual(lines);
});
