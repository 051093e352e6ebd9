import type { ActorKind } from "./actors/kinds.js";
import { drawFaults, type Fault } from "./faults.js";
import { SeededRandom } from "./seeded-random.js";

/** One client task: it does one thing to one name, over and over. */
export interface ActorPlan {
  kind: ActorKind;
  client: number;
  name: string;
  /** How many there are of its kind at this name. */
  count: number;
  /** Draws what it does, whatever the others do. */
  seed: number;
}

/** What one run will be, drawn from its seed: what is left out of it changes nothing in the rest. */
export interface Plan {
  seed: number;
  members: number;
  clients: number;
  chaosMs: number;
  actors: ActorPlan[];
  faults: Fault[];
}

type Workload = readonly (readonly [kind: ActorKind, least: number, most: number])[];

const WORKLOADS: readonly Workload[] = [
  [["mutex", 2, 5]],
  [["mutex", 2, 4]],
  [["rwmutex", 2, 5]],
  [["rwmutex", 3, 5]],
  [
    ["election", 2, 3],
    ["election observer", 1, 2],
  ],
  [
    ["lead", 1, 3],
    ["election", 0, 2],
    ["election observer", 1, 1],
  ],
  [
    ["barrier holder", 1, 2],
    ["barrier waiter", 2, 5],
  ],
  [["double barrier", 2, 3]],
  [
    ["group member", 2, 4],
    ["group watcher", 1, 2],
  ],
  [["session", 1, 2]],
];

export function drawPlan(seed: number): Plan {
  const random = new SeededRandom(seed).fork("plan");
  const members = random.pick([1, 3, 3]);
  const clients = 2 + random.below(3);
  const chaosMs = random.between(6_000, 20_000);
  const actors: ActorPlan[] = [];
  const workloads = random.chance(0.7) ? 1 : 2;
  for (let index = 0; index < workloads; index++) {
    for (const [kind, least, most] of random.pick(WORKLOADS)) {
      const count = least + random.below(most - least + 1);
      for (let actor = 0; actor < count; actor++) {
        const client = random.below(clients);
        const name = kind.startsWith("election") || kind === "lead" ? "election" : nameOf(kind);
        actors.push({ kind, client, name: `${name}${index}`, count, seed: random.below(2 ** 31) });
      }
    }
  }
  return {
    seed,
    members,
    clients,
    chaosMs,
    actors,
    faults: drawFaults(random, { members, clients, chaosMs }),
  };
}

function nameOf(kind: ActorKind): string {
  return kind.split(" ").slice(0, -1).join("-") || kind;
}
