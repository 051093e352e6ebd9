/** What a worker is told when it is started. */
export interface Task {
  name: string;
  hosts: string[];
  lock: string;
  /** A key that each turn reads, ponders, and writes back one larger: what two at once would spoil. */
  counter: string;
  ttl: number;
}

/** What a worker tells, by the clock that all processes of a machine share (`process.hrtime`). */
export type Report =
  | { type: "began"; fencingToken: bigint; at: bigint; remainingMs: number }
  | { type: "works"; done: number; at: bigint; remainingMs: number }
  | { type: "ended"; at: bigint };

/** The steps of a turn's work. */
export const STEPS = 8;
