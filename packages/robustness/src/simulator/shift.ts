import type { ActorKind } from "./actors/kinds.js";
import type { FaultKind } from "./faults.js";

/** What one worker is to run. */
export interface Shift {
  from: number;
  to: number;
  stride: number;
  /** After so many failing seeds it is enough. */
  failures: number;
  /** After this time no further seed is begun. */
  mostMs: number;
  /** Look for the least that still fails. */
  shrink: boolean;
}

export interface SeedRun {
  seed: number;
  steps: number;
  won: number;
  hash: string;
  faults: FaultKind[];
  actors: ActorKind[];
  violations: string[];
}

/** The least that fails as the seed did: who takes part, what goes wrong, and what happened then. */
export interface Shrunken {
  actors: string[];
  violations: string[];
  lines: string[];
}

export type WorkerMessage = SeedRun | { seed: number; shrunken: Shrunken };
