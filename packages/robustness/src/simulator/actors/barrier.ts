import { Barrier } from "@etcdkit/barrier";
import { checkReleased } from "../checks/barriers.js";
import type { Scene } from "../scene.js";

export async function holdBarrier(scene: Scene): Promise<void> {
  while (!scene.ending) {
    const barrier = new Barrier(scene.connection, scene.name);
    const held = await scene.attempt(`hold ${scene.name}`, () => hold(scene, barrier), [
      "ALREADY_HELD",
    ]);
    if (held) {
      await scene.pause(0, 2_000);
      // its user tries again, as it is told to
      for (let done = false; !done; ) {
        const release = () => barrier.release().then(() => true);
        done = (await scene.attempt(`release ${scene.name}`, release)) ?? false;
      }
    }
    await scene.pause(0, 500);
  }
}

async function hold(scene: Scene, barrier: Barrier): Promise<true> {
  if (scene.random.chance(0.5)) {
    await barrier.hold();
    return true;
  }
  const onHolderLost = scene.random.pick(["release" as const, "fail" as const]);
  await barrier.hold({ session: await scene.session(), onHolderLost });
  return true;
}

export async function waitAtBarrier(scene: Scene): Promise<void> {
  const { world, violations, endings } = scene.stage;
  endings.add(() => void releaseForTheDead(scene));
  while (!scene.ending) {
    const barrier = new Barrier(scene.connection, scene.name);
    const signal = scene.cancellation(0.2, 1_500);
    const since = scene.revision;
    const wait = () => barrier.wait(signal ? { signal } : {}).then(() => true);
    const done = await scene.attempt(`wait at ${scene.name}`, wait, ["HOLDER_LOST"]);
    if (done) checkReleased(world, scene.name, since, violations);
    await scene.pause(0, 300);
  }
}

/** A hold without a session outlives its process: somebody has to end it. */
async function releaseForTheDead(scene: Scene): Promise<void> {
  if (!scene.stage.world.clients.some(({ process }) => process.dead)) return;
  const release = () => new Barrier(scene.connection, scene.name).release().then(() => true);
  for (let done = false; !done && !scene.client.process.dead; ) {
    // what the actor itself is doing is not to be judged by this
    done = await release().catch(() => false);
    if (!done) await scene.pause(100, 200);
  }
}
