export {
  type Connection,
  type ConnectOptions,
  CoordinationError,
  connect,
  KeyDeletedError,
  SessionClosedError,
  SessionExpiredError,
} from "@etcdkit/core";
export { Session, type SessionOptions, type SessionState } from "@etcdkit/session";
export { Barrier, type HoldOptions, type WaitOptions } from "./barrier.js";
export { DoubleBarrier, type DoubleBarrierOptions } from "./double-barrier.js";
export { type BarrierCode, BarrierError } from "./errors.js";
