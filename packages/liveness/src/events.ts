import type { MemberInfo } from "./entry.js";

interface Of {
  readonly id: string;
  /** As it is now, or was last. */
  readonly member: MemberInfo;
}

interface At {
  /** The revision of etcd at which this was so: after the events up to here, the fold of them is what `members()` would have said. */
  readonly revision: bigint;
}

/** There from now on; at the beginning of a watch, each member that is there. */
export interface Joined extends Of, At {
  readonly type: "joined";
}

/**
 * Written anew: with other metadata, or by its process after a loss of session, or, when `incarnation` is another than that of
 * `before`, by a process that took the id over.
 */
export interface Updated extends Of, At {
  readonly type: "updated";
  readonly before: MemberInfo;
}

/** Said goodbye. */
export interface Left extends Of, At {
  readonly type: "left";
}

/**
 * Gone without a goodbye: its lease ran out, or somebody deleted or spoilt its entry, after which a living member is back at once.
 */
export interface Died extends Of, At {
  readonly type: "died";
  /**
   * False: it went while this watch was cut off for so long that etcd had compacted the history, and no goodbye was left to find. It
   * may have left then.
   */
  readonly witnessed: boolean;
}

/** Has missed a renewal of its lease. Ends with `recovered`, `left` or `died`. */
export interface Suspected extends Of {
  readonly type: "suspected";
  /** Its lease had at most this much left when it was looked at. */
  readonly remainingMs: number;
}

/** Was suspected, and has renewed its lease. */
export interface Recovered extends Of {
  readonly type: "recovered";
}

/**
 * So many have missed renewals at once that etcd, the network or this observer are more likely at fault than all of them: until
 * `observer-recovered` nobody is suspected. Deaths are told as ever, for they are etcd's word.
 */
export interface ObserverSuspected {
  readonly type: "observer-suspected";
  /** How many of those looked at had missed a renewal. */
  readonly silent: number;
  readonly lookedAt: number;
}

export interface ObserverRecovered {
  readonly type: "observer-recovered";
}

export type MemberEvent =
  | Joined
  | Updated
  | Left
  | Died
  | Suspected
  | Recovered
  | ObserverSuspected
  | ObserverRecovered;
