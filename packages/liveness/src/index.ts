export {
  type Connection,
  type ConnectOptions,
  CoordinationError,
  connect,
} from "@etcdkit/core";
export type { MemberInfo } from "./entry.js";
export { type MembershipCode, MembershipError } from "./errors.js";
export type {
  Died,
  Joined,
  Left,
  MemberEvent,
  ObserverRecovered,
  ObserverSuspected,
  Recovered,
  Suspected,
  Updated,
} from "./events.js";
export type { MachineFacts } from "./facts.js";
export { Group, type JoinOptions, type WatchOptions } from "./group.js";
export { Member, type MemberState } from "./member.js";
export type { JsonObject, JsonValue } from "./metadata.js";
export type { SuspicionOptions } from "./suspicion.js";
