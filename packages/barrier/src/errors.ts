import { CoordinationError } from "@etcdkit/core";

/** What went wrong at a barrier, for programs. */
export type BarrierCode =
  /** `hold()`: the barrier is held already, by this object or another. */
  | "ALREADY_HELD"
  /** `wait()`: whoever held with `onHolderLost: "fail"` ended without a release. */
  | "HOLDER_LOST"
  /** `enter()`: as many as the barrier takes are there already. */
  | "TOO_MANY"
  /** `enter()`: the eldest member there that says its `count` was given another, or those who are let in were. */
  | "COUNT_MISMATCH"
  /** `enter()`: this object has entered, or is about to, and has not left. */
  | "ALREADY_ENTERED"
  /** `leave()`: this object has not entered, or is leaving already. */
  | "NOT_ENTERED";

/** An error that only barriers have; they also throw those of `@etcdkit/core`. */
export class BarrierError extends CoordinationError<BarrierCode> {
  protected static override readonly knownAs = "BarrierError";
  override name = "BarrierError";
}
