import { actors } from "./actors/kinds.js";
import { Chaos } from "./chaos.js";
import { Holdings } from "./checks/holdings.js";
import { Operator } from "./checks/operator.js";
import { checkSessions } from "./checks/sessions.js";
import { Turns } from "./checks/turns.js";
import { Violations } from "./checks/violations.js";
import type { Plan } from "./plan.js";
import { Scene, type Stage } from "./scene.js";
import { drained } from "./schedule.js";
import { Simulation } from "./simulation.js";

export interface Outcome {
  violations: string[];
  steps: number;
  /** How often something was won. */
  won: number;
  simulatedMs: number;
  hash: string;
  lines: string[];
}

/** Everybody finishes what it does within this time, once faults are over. */
const SETTLE_MS = 90_000;
/** By then what was left behind has been found: sessions look once a TTL, of at most 8 s. */
const SWEEP_MS = 20_000;
const CLOSE_MS = 30_000;
/** No lease lives longer than this without its owner. */
const EXPIRE_MS = 15_000;

/** One run: faults for a while, then calm, and what must be so at every step and at the end. */
export async function run(plan: Plan, { trace = false } = {}): Promise<Outcome> {
  const world = new Simulation({ seed: plan.seed, members: plan.members, trace });
  for (let index = 0; index < plan.clients; index++) world.addClient();
  const violations = new Violations(world.history);
  const operator = new Operator();
  const holdings = new Holdings(world, operator, violations);
  const stage: Stage = {
    world,
    violations,
    operator,
    holdings,
    inside: new Map(),
    ending: false,
    endings: new Set(),
    lastLooks: new Set(),
  };
  const turns = new Turns();
  const chaos = new Chaos(world, operator, plan.faults);
  const scenes = plan.actors.map((actor) => new Scene(stage, actor));
  const busy = new Set(scenes);
  const check = () => {
    holdings.check();
    checkSessions(world, operator, violations);
    turns.check(busy);
  };
  for (const scene of scenes) {
    const finished = () => busy.delete(scene);
    actors[scene.plan.kind](scene).then(finished, (error: unknown) => {
      finished();
      violations.add(`${scene.plan.kind} failed: ${error instanceof Error ? error.stack : error}`);
    });
  }
  await drained();

  const goOn = async (ms: number, over: () => boolean = () => false) => {
    const until = world.schedule.now + ms;
    while (!over() && world.schedule.now < until && violations.all.length === 0) {
      if (!(await world.schedule.step())) break;
      check();
    }
  };
  const idle = (scene: Scene) =>
    scene.client.process.dead ||
    scene.doing.startsWith("observe ") ||
    scene.doing.startsWith("watch ");

  await goOn(plan.chaosMs);
  world.history.add("CALM");
  chaos.end();
  stage.ending = true;
  for (const end of stage.endings) end();
  await drained();
  await goOn(SETTLE_MS, () => [...busy].every(idle));
  for (const scene of busy) {
    if (violations.all.length > 0 || idle(scene)) continue;
    violations.add(`${scene.plan.kind} on ${scene.client.process.name} is stuck: ${scene.doing}`);
  }
  await goOn(SWEEP_MS);
  if (violations.all.length === 0) {
    for (const look of stage.lastLooks) look();
    checkNothingLeft(world, violations);
  }
  await drained();
  await close(world, violations, goOn);
  return {
    violations: violations.all,
    steps: world.schedule.steps,
    won: holdings.won,
    simulatedMs: world.schedule.now,
    hash: world.history.hash,
    lines: world.history.lines,
  };
}

/** Sessions live, but nobody waits or holds any more: no key has their leases. */
function checkNothingLeft(world: Simulation, violations: Violations): void {
  for (const { process, connection } of world.clients) {
    if (process.dead) continue;
    for (const { id } of connection.leases) {
      const { keys } = world.cluster.etcd.timeToLive(id);
      for (const key of keys) violations.add(`a key that nobody uses is left: ${key}`);
    }
  }
}

/** All connections are closed: no timer is left, and when the leases of the dead have run out, no key with a lease either. */
async function close(
  world: Simulation,
  violations: Violations,
  goOn: (ms: number, over?: () => boolean) => Promise<void>,
): Promise<void> {
  const living = world.clients.filter(({ process }) => !process.dead);
  let open = living.length;
  for (const { connection } of living) {
    void connection.close().then(() => {
      open--;
    });
  }
  await drained();
  await goOn(CLOSE_MS, () => open === 0);
  if (violations.all.length > 0) return;
  if (open > 0) violations.add("a connection does not close");
  await goOn(EXPIRE_MS);
  for (const { process } of living) {
    if (process.timers > 0) violations.add(`${process.name} has ${process.timers} timers left`);
  }
  const { leases, store } = world.cluster.etcd;
  if (leases.ids.length > 0) violations.add(`${leases.ids.length} leases are left`);
  for (const id of store.keys) {
    const kv = store.get(id);
    const leased = kv && kv.lease !== 0n;
    // a hold without a session outlives its process
    if (!leased && id.startsWith("barrier") && living.length < world.clients.length) continue;
    if (leased || /^(barrier|mutex|election|rwmutex)\d+(\/|$)/.test(id)) {
      violations.add(`a key is left: ${id}`);
    }
  }
}
