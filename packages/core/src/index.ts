export { type Connection, type ConnectOptions, connect } from "./connection.js";
export {
  type AcquiredMessage,
  channels,
  type LostMessage,
  type ReleasedMessage,
  type SessionStateMessage,
} from "./diagnostics.js";
export {
  type CoordinationCode,
  CoordinationError,
  KeyDeletedError,
  SessionClosedError,
  SessionExpiredError,
} from "./errors.js";
export { Holding } from "./holding.js";
export type { SessionState } from "./lease.js";
export type { Contender } from "./line.js";
