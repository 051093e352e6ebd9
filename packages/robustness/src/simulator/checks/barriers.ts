import { type Lease, underPrefix } from "@etcdkit/core/internal";
import { idOf } from "../etcd/key-range.js";
import type { Simulation } from "../simulation.js";
import type { Violations } from "./violations.js";

/** Whether the key was absent at some moment since: whoever waited at the barrier was let go for that. */
export function checkReleased(
  world: Simulation,
  name: string,
  since: bigint,
  violations: Violations,
): void {
  const { store } = world.cluster.etcd;
  const key = idOf(Buffer.from(name));
  if (!store.get(key)) return;
  for (let revision = since; revision <= store.revision; revision++) {
    const found = store.at(revision).filter((event) => idOf(event.kv.key) === key);
    // created at or after `since`: it was not there before; or deleted since
    if (
      found.some(({ type, kv }) => type === "delete" || (kv.version === 1n && revision > since))
    ) {
      return;
    }
  }
  violations.add(`barrier ${name} let a waiter go though it was held all the time`);
}

/** One round of one member of a double barrier, from its entry on. */
export interface Inside {
  key: string;
  createRevision: bigint;
  /** Of the `ready` that let it in. */
  round: bigint;
}

interface Entering {
  lease: Lease;
  count: number;
  /** The revision when it began to enter: the word that let it in came later. */
  since: bigint;
}

/**
 * Looks whether `count` had come when this member was let in. Of one session several keys may stand there, what is left of earlier
 * attempts too: one of them was let in since. Undefined: none is there, by an operator's hand say.
 */
export function checkEntered(
  world: Simulation,
  name: string,
  { lease, count, since }: Entering,
  violations: Violations,
): Inside | undefined {
  const { store } = world.cluster.etcd;
  const own = store.within(underPrefix(`${name}/waiters/`)).filter((kv) => kv.lease === lease.id);
  if (own.length === 0) return undefined;
  const words = wordsOf(world, name);
  for (const { key, createRevision } of own) {
    const word = words.find(({ revision }) => revision > createRevision);
    if (!word || word.revision <= since) continue;
    if (word.there < count)
      violations.add(`double barrier ${name} let ${word.there} of ${count} in`);
    return { key: key.toString(), createRevision, round: word.revision };
  }
  violations.add(`double barrier ${name} let a member in without a word`);
  return undefined;
}

/** Each put of `ready`, and how many were there then that no earlier one had let in. */
function wordsOf(world: Simulation, name: string): { revision: bigint; there: number }[] {
  const { store } = world.cluster.etcd;
  const waiters = `${name}/waiters/`;
  const members = new Map<string, bigint>();
  const words: { revision: bigint; there: number }[] = [];
  let before = 0n;
  for (let revision = 2n; revision <= store.revision; revision++) {
    for (const { type, kv } of store.at(revision)) {
      const key = kv.key.toString();
      if (key === `${name}/ready` && type === "put") {
        const there = [...members.values()].filter((created) => created > before).length;
        words.push({ revision, there });
        before = revision;
      }
      if (!key.startsWith(waiters)) continue;
      if (type === "delete") members.delete(key);
      else if (kv.version === 1n) members.set(key, kv.createRevision);
    }
  }
  return words;
}

/** Those who entered with it and have not asked to leave are gone from etcd when it has left. */
export function checkLeft(
  world: Simulation,
  name: string,
  own: Inside,
  inside: Iterable<Inside>,
  violations: Violations,
): void {
  const { store } = world.cluster.etcd;
  const there = new Set(
    store.within(underPrefix(`${name}/waiters/`)).map(({ createRevision }) => createRevision),
  );
  for (const other of inside) {
    if (other.round !== own.round || !there.has(other.createRevision)) continue;
    violations.add(`double barrier ${name} let a member out before ${other.key} asked to leave`);
  }
}
