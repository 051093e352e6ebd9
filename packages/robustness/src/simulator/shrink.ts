import type { ActorPlan, Plan } from "./plan.js";
import { type Outcome, run } from "./run.js";
import type { Shrunken } from "./shift.js";

/** Rounds without a gain end it; this many runs do too. */
const MOST_RUNS = 400;

/** Leaves out faults and actors, and shortens the time, as long as it still fails. */
export async function shrink(plan: Plan): Promise<Shrunken> {
  const wanted = kindsOf(await run(plan));
  let least = plan;
  let runs = 0;
  const fails = async (candidate: Plan) => {
    if (++runs > MOST_RUNS) return false;
    return kindsOf(await run(candidate)).some((kind) => wanted.includes(kind));
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

/** What went wrong, whoever it was and by whichever number. */
function kindsOf({ violations }: Outcome): string[] {
  return violations.map((violation) => violation.replace(/[0-9a-f]{6,}|\d+/g, "#"));
}

function* smallerOnes(plan: Plan): Generator<Plan> {
  const { faults, actors, chaosMs } = plan;
  if (faults.length > 3) {
    const half = Math.floor(faults.length / 2);
    yield { ...plan, faults: faults.slice(0, half) };
    yield { ...plan, faults: faults.slice(half) };
  }
  for (const index of faults.keys()) yield { ...plan, faults: faults.toSpliced(index, 1) };
  for (const index of actors.keys()) yield { ...plan, actors: without(actors, index) };
  if (chaosMs > 500) yield { ...plan, chaosMs: chaosMs / 2 };
  if (chaosMs > 500) yield { ...plan, chaosMs: chaosMs * 0.85 };
}

/** A double barrier is for as many as there are. */
function without(actors: ActorPlan[], index: number): ActorPlan[] {
  const { name, kind } = actors[index] as ActorPlan;
  return actors
    .toSpliced(index, 1)
    .map((actor) =>
      actor.name === name && actor.kind === kind ? { ...actor, count: actor.count - 1 } : actor,
    );
}
