import { type KeyValue, underPrefix } from "@etcdkit/core/internal";
import { idOf } from "../etcd/key-range.js";
import type { Scene } from "../scene.js";
import { believed } from "./belief.js";

/** What an actor is doing, and where. */
const IN_LINE = /^(?:lock|campaign|read|write) (\S+)$/;
const AT_BARRIER = /^wait at (\S+)$/;
/** From when the way is free until whoever waits is told, where nothing keeps the news away. */
const TURN_MS = 1_500;

interface Due {
  readonly what: string;
  readonly since: number;
}

/** Nobody waits for long when the way is free by etcd's word, not even until something else frees it. */
export class Turns {
  /** Who waits though its way is free. */
  readonly #due = new Map<Scene, Due>();

  /** After every step. */
  check(scenes: Iterable<Scene>): void {
    for (const scene of scenes) {
      const what = freeWay(scene);
      if (what === undefined) this.#due.delete(scene);
      else this.#check(scene, what);
    }
  }

  #check(scene: Scene, what: string): void {
    const { world, operator, violations } = scene.stage;
    const { now } = world.schedule;
    const before = this.#due.get(scene);
    const due = before?.what === what ? before : { what, since: now };
    this.#due.set(scene, due);
    const tellable = Math.max(due.since, operator.quietSince, scene.client.process.awakeSince);
    if (now > tellable + TURN_MS) violations.add(what);
  }
}

/** How it is told that it waits though nothing is in its way; undefined: that is not so, or it cannot know. */
function freeWay(scene: Scene): string | undefined {
  const { doing, client } = scene;
  if (!client.process.awake) return undefined;
  const line = IN_LINE.exec(doing)?.[1];
  if (line !== undefined) return turnIn(line, scene);
  const barrier = AT_BARRIER.exec(doing)?.[1];
  if (barrier === undefined) return undefined;
  const { store } = scene.stage.world.cluster.etcd;
  if (store.get(idOf(Buffer.from(barrier)))) return undefined;
  return `${client.process.name} waits at ${barrier}, which nobody holds`;
}

/** The first of a line holds, and so do all readers before the first writer. */
function turnIn(name: string, { lease, stage }: Scene): string | undefined {
  if (!lease || !believed(lease)) return undefined;
  const line = stage.world.cluster.etcd.store.within(underPrefix(`${name}/`));
  line.sort((a, b) => Number(a.createRevision - b.createRevision));
  const reads = ({ key }: KeyValue) => key.toString().startsWith(`${name}/read/`);
  const writer = line.findIndex((kv) => !reads(kv));
  const turns = line.slice(0, writer < 0 ? line.length : Math.max(writer, 1));
  for (const kv of turns) {
    const key = kv.key.toString();
    const waits = kv.lease === lease.id && !stage.holdings.has(key, kv.createRevision);
    if (waits) return `${key} of ${kv.createRevision} has its turn, and is not told`;
  }
  return undefined;
}
