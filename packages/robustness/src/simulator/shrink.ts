import type { Plan } from "./plan.js";
import { run } from "./run.js";
import type { Shrunken } from "./shift.js";

/** Rounds without a gain end it; this many runs do too. */
const MOST_RUNS = 400;

/** Leaves out faults and actors, and shortens the time, as long as it still fails. */
export async function shrink(plan: Plan): Promise<Shrunken> {
  let least = plan;
  let runs = 0;
  const fails = async (candidate: Plan) => {
    if (++runs > MOST_RUNS) return false;
    return (await run(candidate)).violations.length > 0;
  };
  for (let before: Plan | undefined; before !== least && runs < MOST_RUNS; ) {
    before = least;
    for (const smaller of smallerOnes(least)) {
      if (await fails(smaller)) {
        least = smaller;
        break;
      }
    }
  }
  const { violations, lines } = await run(least, { trace: true });
  const actors = least.actors.map(({ kind, client, name }) => `${kind} ${name} on c${client}`);
  return { actors, violations, lines };
}

function* smallerOnes(plan: Plan): Generator<Plan> {
  const { faults, actors, chaosMs } = plan;
  if (faults.length > 3) {
    const half = Math.floor(faults.length / 2);
    yield { ...plan, faults: faults.slice(0, half) };
    yield { ...plan, faults: faults.slice(half) };
  }
  for (const index of faults.keys()) yield { ...plan, faults: faults.toSpliced(index, 1) };
  for (const index of actors.keys()) yield { ...plan, actors: actors.toSpliced(index, 1) };
  if (chaosMs > 500) yield { ...plan, chaosMs: chaosMs / 2 };
  if (chaosMs > 500) yield { ...plan, chaosMs: chaosMs * 0.85 };
}
