import { channel } from "node:diagnostics_channel";

/** Published on `etcdkit:session:state`. */
export interface SessionStateMessage {
  leaseId: bigint;
  from: string;
  to: string;
  /** Why, where `to` is `expired` or `closed`. */
  reason: Error | undefined;
}

/** Published on `etcdkit:lock:acquired`; `lock` stands for anything held by a place in line. */
export interface AcquiredMessage {
  name: string;
  key: string;
  fencingToken: bigint;
  /** From the call to the win. */
  waitMs: number;
}

/** Published on `etcdkit:lock:released`, when the release is asked for. */
export interface ReleasedMessage {
  name: string;
  key: string;
  fencingToken: bigint;
  heldMs: number;
}

/** Published on `etcdkit:lock:lost`. */
export interface LostMessage extends ReleasedMessage {
  reason: Error;
}

/** The channels of `node:diagnostics_channel` that this library publishes on. */
export const channels = {
  sessionState: channel("etcdkit:session:state"),
  acquired: channel("etcdkit:lock:acquired"),
  released: channel("etcdkit:lock:released"),
  lost: channel("etcdkit:lock:lost"),
} as const;
