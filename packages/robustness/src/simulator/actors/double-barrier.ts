import { DoubleBarrier } from "@etcdkit/barrier";
import { leaseOf } from "@etcdkit/session/internal";
import { checkEntered, checkLeft, type Inside } from "../checks/barriers.js";
import type { Scene } from "../scene.js";

const FULL = ["TOO_MANY"];

/** Longer than anything stands still that did when faults ended. */
const ALL_WELL_MS = 12_000;

/** Round after round, given up now and then; when faults are over, one that all must get through. */
export async function meetAtDoubleBarrier(scene: Scene): Promise<void> {
  const { name } = scene;
  while (!scene.ending) {
    await meet(scene, name, scene.cancellation(1, 4_000));
    await scene.pause(0, 300);
  }
  await scene.pause(ALL_WELL_MS, ALL_WELL_MS + 100);
  const dead = scene.stage.world.clients.some(({ process }) => process.dead);
  // whoever was killed does not come any more
  if (!dead) await meet(scene, `${name}-last`, undefined);
}

async function meet(scene: Scene, name: string, signal: AbortSignal | undefined): Promise<void> {
  const session = await scene.session();
  const barrier = new DoubleBarrier(session, name, { count: scene.plan.count });
  const since = scene.revision;
  const enter = () => barrier.enter(signal ? { signal } : {}).then(() => true);
  if (!(await scene.attempt(`enter ${name}`, enter, FULL))) return;
  scene.note(`entered ${name}`);
  const entering = { lease: leaseOf(session), count: scene.plan.count, since };
  const own = checkEntered(scene.stage.world, name, entering, scene.stage.violations);
  await stayAndLeave(scene, name, barrier, own);
}

async function stayAndLeave(
  scene: Scene,
  name: string,
  barrier: DoubleBarrier,
  own: Inside | undefined,
): Promise<void> {
  const { world, violations, inside: all } = scene.stage;
  const inside = all.get(name) ?? new Set<Inside>();
  all.set(name, inside);
  if (own) inside.add(own);
  await scene.pause(0, 400);
  if (own) inside.delete(own);
  const signal = scene.ending ? undefined : scene.cancellation(0.2, 2_000);
  const leave = () => barrier.leave(signal ? { signal } : {}).then(() => true);
  const left = await scene.attempt(`leave ${name}`, leave);
  if (left && own) checkLeft(world, name, own, inside, violations);
}
