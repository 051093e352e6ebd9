import { byCreateRevision, type KeyValue, underPrefix } from "@etcdkit/core/internal";
import { idOf } from "../etcd/key-range.js";
import type { Scene, Stage } from "../scene.js";
import { believed } from "./belief.js";

/** What an actor is doing that is waiting, and where. */
const WAIT = /^(lock|campaign|read|write|lead|wait at|enter|leave) (\S+)$/;
/** From when the way is free until whoever waits is told, where nothing keeps the news away. */
const TURN_MS = 1_500;

type IsOwn = (kv: KeyValue) => boolean;

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
  const { doing, client, lease } = scene;
  const [, wait, name = ""] = WAIT.exec(doing) ?? [];
  if (!wait || !client.process.awake) return undefined;
  if (wait === "wait at") return barrierIsFree(name, scene);
  if (wait === "lead") return turnIn(name, scene, (kv) => isCandidate(kv, scene));
  if (!lease || !believed(lease)) return undefined;
  const isOwn = (kv: KeyValue) => kv.lease === lease.id;
  if (wait === "enter") return isLetIn(name, scene, isOwn);
  if (wait === "leave") return isLast(name, scene, isOwn);
  return turnIn(name, scene, isOwn);
}

/** `lead` has sessions of its own, and says by its value whose they are. */
function isCandidate(kv: KeyValue, { client }: Scene): boolean {
  if (kv.value.toString() !== client.process.name) return false;
  const lease = [...client.connection.leases].find(({ id }) => id === kv.lease);
  return lease !== undefined && believed(lease);
}

/** The first of a line holds, and so do all readers before the first writer. */
function turnIn(name: string, { stage }: Scene, isOwn: IsOwn): string | undefined {
  const line = inOrder(`${name}/`, stage);
  const reads = ({ key }: KeyValue) => key.toString().startsWith(`${name}/read/`);
  const writer = line.findIndex((kv) => !reads(kv));
  const turns = line.slice(0, writer < 0 ? line.length : Math.max(writer, 1));
  for (const kv of turns) {
    const key = kv.key.toString();
    const waits = isOwn(kv) && !stage.holdings.has(key, kv.createRevision);
    if (waits) return `${key} of ${kv.createRevision} has its turn, and is not told`;
  }
  return undefined;
}

function barrierIsFree(name: string, { client, stage }: Scene): string | undefined {
  if (storeOf(stage).get(idOf(Buffer.from(name)))) return undefined;
  return `${client.process.name} waits at ${name}, which nobody holds`;
}

/** By a `ready` newer than its key, or it is to be: it is one of as many as enter together. */
function isLetIn(name: string, { stage, plan }: Scene, isOwn: IsOwn): string | undefined {
  const members = inOrder(`${name}/waiters/`, stage);
  const own = members.findLast(isOwn);
  if (!own) return undefined;
  const ready = storeOf(stage).get(idOf(Buffer.from(`${name}/ready`)))?.modRevision ?? 0n;
  const what = `${own.key} of ${own.createRevision}`;
  if (ready > own.createRevision) return `${what} is let in by ${ready}, and is not told`;
  const [eldest] = members;
  const full = eldest && eldest.createRevision > ready && members.length >= plan.count;
  if (!full || members.indexOf(own) >= plan.count) return undefined;
  return `${what} is one of ${plan.count}, and nobody lets them in`;
}

function isLast(name: string, { client, stage }: Scene, isOwn: IsOwn): string | undefined {
  if (!inOrder(`${name}/waiters/`, stage).every(isOwn)) return undefined;
  return `${client.process.name} waits to leave ${name}, where nobody else is`;
}

function inOrder(prefix: string, stage: Stage): KeyValue[] {
  return storeOf(stage).within(underPrefix(prefix)).sort(byCreateRevision);
}

function storeOf({ world }: Stage) {
  return world.cluster.etcd.store;
}
