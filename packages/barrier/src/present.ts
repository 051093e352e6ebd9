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

/** Of two that do not agree one is being refused, and neither counts the other. Who does not tell agrees with everybody. */
export function agrees(count: number): (member: Present) => boolean {
  return (member) => member.count === undefined || member.count === count;
}

/** The first `count` that have not entered; undefined while they are not as many. `members` are in order, and agree. */
export function roundOf(
  members: readonly Present[],
  count: number,
  enteredUpTo: bigint,
): readonly Present[] | undefined {
  if (members.length < count) return undefined;
  const waiting = members.filter(({ createRevision }) => createRevision > enteredUpTo);
  return waiting.length < count ? undefined : waiting.slice(0, count);
}
