import { Group } from "@etcdkit/liveness";
import { ObservedMembers } from "../checks/observed-members.js";
import type { Scene } from "../scene.js";

const OVER = ["LEFT", "TAKEN_OVER"];

export async function joinGroup(scene: Scene): Promise<void> {
  const group = new Group(scene.connection, scene.name);
  for (let life = 0; !scene.ending; life++) {
    const id = scene.random.chance(0.2) ? "shared" : `id-${scene.plan.seed}`;
    const ttl = scene.random.pick([2, 3, 5]);
    const takeOver = scene.random.chance(0.5);
    const signal = scene.cancellation(0.15, 1_000);
    const options = { id, ttl, takeOver, metadata: { life }, ...(signal && { signal }) };
    const member = await scene.attempt(`join ${scene.name}`, () => group.join(options), [
      "ID_TAKEN",
    ]);
    if (member) {
      const stays = scene.random.below(4);
      for (let stay = 0; stay < stays && !member.signal.aborted; stay++) {
        await scene.pause(0, 1_500);
        const update = () => member.update({ life, stay });
        if (scene.random.chance(0.4)) await scene.attempt(`update ${scene.name}`, update, OVER);
      }
      await scene.attempt(`leave ${scene.name}`, () => member.leave());
    }
    await scene.pause(0, 500);
  }
}

export async function watchGroup(scene: Scene): Promise<void> {
  const group = new Group(scene.connection, scene.name);
  while (!scene.ending) {
    const observed = new ObservedMembers(scene.stage.world, scene.name, scene.stage.violations);
    const end = new AbortController();
    if (scene.random.chance(0.3)) void scene.pause(0, 5_000).then(() => end.abort());
    else {
      scene.stage.lastLooks.add(() => {
        if (!scene.client.process.dead) observed.checkUpToDate();
        end.abort();
      });
    }
    const suspect = scene.random.chance(0.3) ? {} : (false as const);
    await scene.attempt(`watch ${scene.name}`, async () => {
      for await (const event of group.watch({ signal: end.signal, suspect })) observed.event(event);
    });
    await scene.pause(0, 1_000);
  }
}
