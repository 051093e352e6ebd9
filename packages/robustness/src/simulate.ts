import { parseArgs } from "node:util";
import { simulateMutations } from "./simulator/mutation-report.js";
import { simulateSeeds } from "./simulator/seed-report.js";

const USAGE = `pnpm simulate [--seeds N] [--seed S] [--workers W]
  --seeds N     how many runs (default 1000)
  --seed S      the first seed (default 1); alone, only that one, with its shrunken history
  --mutations   break the library on purpose, in one way after the other, and say how many seeds each took to be caught
  --workers W   how many at a time (default 2)
`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    workers: { type: "string", default: "2" },
    mutations: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const print = (text: string) => process.stdout.write(`${text}\n`);
const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.seed === undefined ? 1_000 : 1));
const workers = Number(values.workers);

if (values.help || ![first, count, workers].every(Number.isSafeInteger)) {
  print(USAGE);
  process.exitCode = values.help ? 0 : 2;
} else {
  const well = values.mutations
    ? await simulateMutations({ first, workers, print })
    : await simulateSeeds({ first, count, workers, print });
  process.exitCode = well ? 0 : 1;
}
