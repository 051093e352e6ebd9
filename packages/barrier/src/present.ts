import type { KeyValue } from "@etcdkit/core/internal";
import { decodeCount } from "./member-value.js";

/** A key that is there, and for how many its member takes the barrier to be. */
export interface Present extends KeyValue {
  /** Undefined where it does not tell: Go's. */
  readonly count: number | undefined;
}

export function present(kv: KeyValue): Present {
  return { ...kv, count: decodeCount(kv.value) };
}

/** `ready` as it was last put, and for members of which count; all zero and undefined where it is absent. */
export type Ready = Pick<Present, "modRevision" | "count">;

export function readyOf(kv: KeyValue | undefined): Ready {
  return kv ? present(kv) : { modRevision: 0n, count: undefined };
}

/**
 * Of two that do not agree one is being refused, and neither counts the other, nor is let in by its `ready`. Who does not tell agrees
 * with everybody.
 */
export function agrees(count: number): (told: Pick<Present, "count">) => boolean {
  return (told) => told.count === undefined || told.count === count;
}

/**
 * The eldest `count`, if they are as many and none of them has entered: whoever is in belongs to the round before, and until it has
 * gone a new one cannot begin. `members` are in order, and agree.
 */
export function roundOf(
  members: readonly Present[],
  count: number,
  enteredUpTo: bigint,
): readonly Present[] | undefined {
  const [eldest] = members;
  if (!eldest || eldest.createRevision <= enteredUpTo || members.length < count) return undefined;
  return members.slice(0, count);
}
