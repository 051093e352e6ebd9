import { Election, type Leadership, lead } from "@etcdkit/election";
import { ObservedLeaders } from "../checks/observed-leaders.js";
import type { Scene } from "../scene.js";
import { holdOn } from "./hold-on.js";

const NOT_LEADING = ["NOT_LEADER", "RELEASED"];
/** Most attempts that were given up have arrived after this time, or never will. */
const LATE_MS = 4_000;

export async function campaign(scene: Scene): Promise<void> {
  for (let round = 0; !scene.ending; round++) {
    const session = await scene.session();
    const election = new Election(session, scene.name);
    const signal = scene.cancellation(0.3, scene.random.pick([3, 30, 1_500]));
    const value = `${scene.client.process.name} ${round}`;
    const leadership = await scene.attempt(`campaign ${scene.name}`, () =>
      election.campaign(value, signal ? { signal } : {}),
    );
    if (leadership) {
      const giveUp = await holdOn(scene, session, leadership, "alone");
      await proclaim(scene, leadership, value);
      giveUp();
      await scene.attempt(`resign ${scene.name}`, () => leadership.resign());
    }
    if (scene.random.chance(0.5)) await scene.pause(0, 500);
  }
}

/**
 * Some say nothing, some one word after the other: the first attempt of one, slow or held by a frozen member, arrives when the next
 * is answered already.
 */
async function proclaim(scene: Scene, leadership: Leadership, value: string): Promise<void> {
  const words = scene.random.pick([0, 1, 3, 6]);
  if (words === 0) return;
  const mostMs = scene.random.pick([5, 100, 1_000]);
  for (let word = 0; word < words && leadership.held; word++) {
    const proclaimed = () => leadership.proclaim(`${value} ${word}`);
    await scene.attempt(`proclaim ${scene.name}`, proclaimed, NOT_LEADING);
    await scene.pause(0, mostMs);
    checkProclaimed(scene, leadership);
  }
  await scene.pause(0, LATE_MS);
  checkProclaimed(scene, leadership);
}

/** What was proclaimed last stands in etcd, also when something proclaimed before arrives late. */
function checkProclaimed(scene: Scene, { held, key, value, name, fencingToken }: Leadership): void {
  const { world, violations } = scene.stage;
  const kv = world.cluster.etcd.store.get(Buffer.from(key).toString("latin1"));
  if (!held || kv?.createRevision !== fencingToken || kv.value.equals(value)) return;
  violations.add(`${name} has ${kv.value} where ${value} was proclaimed last`);
}

export async function serveAsLeader(scene: Scene): Promise<void> {
  const end = new AbortController();
  scene.stage.endings.add(() => end.abort());
  const ttl = scene.random.pick([2, 3, 5]);
  const value = scene.client.process.name;
  await scene.attempt(`lead ${scene.name}`, () =>
    lead(scene.connection, scene.name, { value, ttl, signal: end.signal }, async (leadership) => {
      const lease = [...scene.connection.leases].find(({ id }) =>
        leadership.key.endsWith(`/${id.toString(16)}`),
      );
      // lost in this very moment
      if (!lease) return;
      const giveUp = scene.stage.holdings.add(scene.client, lease, leadership, "alone");
      const looks = scene.random.below(5);
      for (let look = 0; look < looks && leadership.held; look++) await scene.pause(0, 700);
      giveUp();
    }),
  );
}

export async function observeElection(scene: Scene): Promise<void> {
  while (!scene.ending) {
    const observed = new ObservedLeaders(scene.stage.world, scene.name, scene.stage.violations);
    const end = new AbortController();
    // some look for a while, most until all is quiet
    if (scene.random.chance(0.3)) void scene.pause(0, 5_000).then(() => end.abort());
    else {
      scene.stage.lastLooks.add(() => {
        if (!scene.client.process.dead) observed.checkUpToDate();
        end.abort();
      });
    }
    const observer = Election.observer(scene.connection, scene.name);
    await scene.attempt(`observe ${scene.name}`, async () => {
      for await (const leader of observer.observe({ signal: end.signal })) observed.told(leader);
    });
    await scene.pause(0, 1_000);
  }
}
