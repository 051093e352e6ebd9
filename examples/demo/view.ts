import type { Status } from "./machines.js";

/** What can be seen of the instances at one moment. */
export type View = Row[];

export interface Row {
  name: string;
  /** By etcd's word; undefined: not seen yet. */
  status: Status | undefined;
  /** Killed by the demo, whatever etcd knows of it. */
  killed: boolean;
  /** For how long its lease for the lock is good if it is not renewed, by its own last word; undefined: it has none, or is gone. */
  remainingMs: number | undefined;
  leader: Place;
  /** Pieces of the leader's work done so far. */
  jobs: number;
  lock: Place;
  /** Steps done of the turn at the lock; undefined while there is none. */
  done: number | undefined;
  /** Turns finished so far. */
  turns: number;
}

/** A place in one of the two lines, by etcd's word. */
export interface Place {
  /** 1 leads, or holds; undefined: not in line. */
  place: number | undefined;
  /** It leads or holds, or will, by this token. */
  fencingToken: bigint | undefined;
}
