/** What an instance is told when it is started. */
export interface Task {
  name: string;
  hosts: string[];
  ttl: number;
  /** The group of the machines. */
  group: string;
  election: string;
  /** A key that only the leader writes, as its periodic work. */
  job: string;
  lock: string;
  /** A key that each turn at the lock reads, ponders, and writes back one larger: what two at once would spoil. */
  counter: string;
}

/** What an instance tells, by the clock that all processes of a machine share (`process.hrtime`). */
export type Report =
  /** Leads from now on. */
  | { type: "leads"; fencingToken: bigint; at: bigint }
  /** Has done a piece of the leader's work. */
  | { type: "job"; at: bigint }
  /** Does the leader's work no more. */
  | { type: "led"; at: bigint }
  /** Holds the lock from now on. */
  | { type: "began"; fencingToken: bigint; at: bigint }
  | { type: "works"; done: number; at: bigint }
  /** Its lease for the lock is good until then, if it is not renewed. */
  | { type: "lease"; until: bigint; at: bigint }
  | { type: "ended"; at: bigint };

/** The steps of a turn's work. */
export const STEPS = 8;
