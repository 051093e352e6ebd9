import { BarrierError } from "./errors.js";
import type { MemberKey, Membership } from "./member-key.js";
import { agrees, type Ready } from "./present.js";

/** Why a member cannot be of the next round, going by who was there when its key was made. */
export function refusalOf(
  { key, count, what }: MemberKey,
  { members }: Membership,
): BarrierError | undefined {
  const others = members.filter((member) => !member.key.equals(key));
  // of those that tell, whoever does not agree with the eldest is being refused
  const theirs = others.find((member) => member.count !== undefined)?.count ?? count;
  if (theirs !== count) {
    const told = `${what}: our count is ${count}, that of the eldest that is there is ${theirs}`;
    return new BarrierError("COUNT_MISMATCH", told);
  }
  const there = others.filter(agrees(count)).length;
  if (there < count) return undefined;
  const told = `${what}: ${there} are there, and it is for ${count}`;
  return new BarrierError("TOO_MANY", told);
}

/** Why a member that waited is not let in by this `ready`: the eldest that there was when it came was being refused itself. */
export function passedOver({ count, what }: MemberKey, ready: Ready): BarrierError {
  const told = `${what}: our count is ${count}, that of those who are let in is ${ready.count}`;
  return new BarrierError("COUNT_MISMATCH", told);
}
