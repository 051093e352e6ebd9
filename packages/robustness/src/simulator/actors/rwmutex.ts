import { RWMutex } from "@etcdkit/rwmutex";
import type { Scene } from "../scene.js";
import { holdOn } from "./hold-on.js";

const RELEASED = ["RELEASED"];

export async function lockRwmutex(scene: Scene): Promise<void> {
  while (!scene.ending) {
    const session = await scene.session();
    const mutex = new RWMutex(session, scene.name);
    if (scene.random.chance(0.55)) await read(scene, mutex, session);
    else await write(scene, mutex, session);
    if (scene.random.chance(0.5)) await scene.pause(0, 500);
  }
}

type Session = Awaited<ReturnType<Scene["session"]>>;

async function read(scene: Scene, mutex: RWMutex, session: Session): Promise<void> {
  const options = optionsOf(scene);
  const trying = scene.random.chance(0.2);
  const lock = await scene.attempt(`read ${scene.name}`, () =>
    trying ? mutex.tryReadLock(options) : mutex.readLock(options),
  );
  if (!lock) return;
  const giveUp = await holdOn(scene, session, lock, "shared");
  giveUp();
  await scene.attempt(`release ${scene.name}`, () => lock.release());
}

async function write(scene: Scene, mutex: RWMutex, session: Session): Promise<void> {
  const options = optionsOf(scene);
  const trying = scene.random.chance(0.2);
  const lock = await scene.attempt(`write ${scene.name}`, () =>
    trying ? mutex.tryWriteLock(options) : mutex.writeLock(options),
  );
  if (!lock) return;
  const giveUp = await holdOn(scene, session, lock, "alone");
  giveUp();
  if (!scene.random.chance(0.4)) {
    await scene.attempt(`release ${scene.name}`, () => lock.release());
    return;
  }
  const reading = await scene.attempt(`downgrade ${scene.name}`, () => lock.downgrade(), RELEASED);
  if (!reading) {
    await scene.attempt(`release ${scene.name}`, () => lock.release());
    return;
  }
  const giveUpReading = await holdOn(scene, session, reading, "shared");
  giveUpReading();
  await scene.attempt(`release ${scene.name}`, () => reading.release());
}

function optionsOf(scene: Scene): { signal?: AbortSignal } {
  const signal = scene.cancellation(0.35, scene.random.pick([3, 30, 1_500]));
  return signal ? { signal } : {};
}
