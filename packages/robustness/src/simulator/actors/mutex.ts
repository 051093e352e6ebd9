import { Mutex } from "@etcdkit/mutex";
import type { Session } from "@etcdkit/session";
import type { Scene } from "../scene.js";
import { holdOn } from "./hold-on.js";

export async function lockMutex(scene: Scene): Promise<void> {
  const { random } = scene;
  while (!scene.ending) {
    const session = await scene.session();
    const mutex = new Mutex(session, scene.name);
    const trying = random.chance(0.25);
    const once = () => lockOnce(scene, session, mutex, trying);
    // two of one session at the same time, now and then
    if (random.chance(0.15)) await Promise.all([once(), once()]);
    else await once();
    if (random.chance(0.5)) await scene.pause(0, 500);
  }
}

async function lockOnce(
  scene: Scene,
  session: Session,
  mutex: Mutex,
  trying: boolean,
): Promise<void> {
  const signal = scene.cancellation(0.35, scene.random.pick([3, 30, 1_500]));
  const options = signal ? { signal } : {};
  const lock = await scene.attempt(`lock ${scene.name}`, () =>
    trying ? mutex.tryLock(options) : mutex.lock(options),
  );
  if (!lock) return;
  const giveUp = await holdOn(scene, session, lock, "alone");
  giveUp();
  if (scene.random.chance(0.08)) await scene.close(session);
  else await scene.attempt(`release ${scene.name}`, () => lock.release());
}
