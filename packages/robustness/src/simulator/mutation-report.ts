import { bundle } from "./bundle.js";
import { runCrew } from "./crew.js";
import { type Mutation, mutations } from "./mutations.js";

export interface MutationOptions {
  first: number;
  workers: number;
  print: (line: string) => void;
  /** Gives up on one after so many seeds. Default 10,000. */
  seeds?: number;
}

export interface Caught {
  seeds: number;
  violation: string;
}

/** Prints a table of all mutations. True: each was caught. */
export async function simulateMutations({ print, ...options }: MutationOptions): Promise<boolean> {
  let well = true;
  print("| broken on purpose | seeds it took | seen as |");
  print("| --- | --- | --- |");
  for (const mutation of mutations) {
    const caught = await tryMutation(mutation, options);
    well &&= caught !== undefined;
    const result = caught ? `${caught.seeds} | ${caught.violation}` : "**not caught** | ";
    print(`| ${mutation.name} | ${result} |`);
  }
  return well;
}

/** Runs seeds until one fails. Undefined: none did. */
export async function tryMutation(
  mutation: Mutation,
  { first, workers, seeds = 10_000 }: Omit<MutationOptions, "print">,
): Promise<Caught | undefined> {
  await using bundled = await bundle(mutation);
  let caught: Caught | undefined;
  const shift = { from: first, to: first + seeds, failures: 1, mostMs: Infinity, shrink: false };
  await runCrew(bundled, { ...shift, workers }, (message) => {
    if (!("violations" in message)) return;
    const [violation] = message.violations;
    const took = message.seed - first + 1;
    if (violation && (!caught || took < caught.seeds)) caught = { seeds: took, violation };
  });
  return caught;
}
