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
export { Lock, type LockOptions, Mutex } from "./mutex.js";
