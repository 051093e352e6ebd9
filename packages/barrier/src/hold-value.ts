import type { Random } from "@etcdkit/core/internal";

/** What waiters do when the holder ends without a release. */
export type OnHolderLost = "release" | "fail";

/** The value of a barrier's key; Go's is empty, and Go reads none. */
export interface HoldValue {
  /** Tells our own hold, found after a lost reply, from another's. */
  readonly hold: string;
  readonly onHolderLost: OnHolderLost;
  /** Its deletion, which comes next, is a release. */
  readonly released?: boolean;
}

export function newHold(onHolderLost: OnHolderLost, random: Random): HoldValue {
  return { hold: random.bytes(16).toString("hex"), onHolderLost };
}

export function encode(value: HoldValue): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Undefined for what is not ours: Go's empty value, or anybody's. */
export function decode(bytes: Buffer): HoldValue | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    const ours = typeof value === "object" && value !== null && "hold" in value;
    return ours ? (value as HoldValue) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a deletion of a key with this value has to be explained by its lease: it is a death, or somebody's doing. */
export function failsWaiters(bytes: Buffer): boolean {
  const value = decode(bytes);
  return value?.onHolderLost === "fail" && value.released !== true;
}
