import { type Lease, leaseHex, underPrefix } from "@etcdkit/core/internal";
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

/** Looks whether `count` had come when this member was let in. Undefined: its key is not there, by an operator's hand say. */
export function checkEntered(
  world: Simulation,
  name: string,
  lease: Lease,
  count: number,
  violations: Violations,
): Inside | undefined {
  const { store } = world.cluster.etcd;
  const key = `${name}/waiters/${leaseHex(lease.id)}`;
  const own = store.get(idOf(Buffer.from(key)));
  if (!own) return undefined;
  const members = new Map<string, bigint>();
  const waiters = `${name}/waiters/`;
  let before = 0n;
  for (let revision = 2n; revision <= store.revision; revision++) {
    for (const { type, kv } of store.at(revision)) {
      const text = kv.key.toString();
      if (text === `${name}/ready` && type === "put") {
        if (revision > own.createRevision) {
          const there = [...members.values()].filter((created) => created > before).length;
          if (there < count) violations.add(`double barrier ${name} let ${there} of ${count} in`);
          return { key, createRevision: own.createRevision, round: revision };
        }
        before = revision;
      }
      if (!text.startsWith(waiters)) continue;
      if (type === "delete") members.delete(text);
      else if (kv.version === 1n) members.set(text, kv.createRevision);
    }
  }
  violations.add(`double barrier ${name} let a member in without a word`);
  return undefined;
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
