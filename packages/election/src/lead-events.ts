import type { Leader } from "./leader.js";
import type { Leadership } from "./leadership.js";

/** What `lead()` tells. */
export type LeadEvent =
  /** We lead, and the work begins. */
  | { type: "started"; leadership: Leadership }
  /** The work has ended, and we do not lead any more. */
  | {
      type: "stopped";
      leadership: Leadership;
      /**
       * `done`: the work returned by itself; `failed`: it threw; `lost`: the leadership was lost, and the work has ended since;
       * `ended`: the signal of `lead()` was aborted, and the work has ended since.
       */
      why: "done" | "failed" | "lost" | "ended";
      /** What the work threw; after it was told to end that counts as its way of ending. */
      error?: unknown;
    }
  /** Somebody leads, ourselves included, or proclaims something new; undefined: nobody does. As `observe()` has it; begun anew where etcd refused it. */
  | { type: "leader"; leader: Leader | undefined }
  /** The work was told to end, and has not. Nobody else works in this process until it does. */
  | { type: "stubborn"; leadership: Leadership; afterMs: number }
  /** Campaigns again after a pause: the leadership or candidacy was lost, or etcd could not be reached. */
  | { type: "retrying"; error: unknown; delayMs: number };
