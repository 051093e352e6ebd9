export {
  type Connection,
  type ConnectOptions,
  type Contender,
  CoordinationError,
  connect,
  Holding,
  KeyDeletedError,
  SessionClosedError,
  SessionExpiredError,
} from "@etcdkit/core";
export { Session, type SessionOptions, type SessionState } from "@etcdkit/session";
export { type CampaignOptions, Election } from "./election.js";
export { lead } from "./lead.js";
export type { LeadEvent } from "./lead-events.js";
export type { LeadOptions } from "./lead-options.js";
export type { Leader } from "./leader.js";
export { LeaderHealth } from "./leader-health.js";
export type { Leadership } from "./leadership.js";
export { NotLeaderError } from "./not-leader-error.js";
export type { ElectionObserver, ObserveOptions } from "./observer.js";
