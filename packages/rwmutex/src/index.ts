export {
  type Connection,
  type ConnectOptions,
  CoordinationError,
  connect,
  Holding,
  KeyDeletedError,
  SessionClosedError,
  SessionExpiredError,
} from "@etcdkit/core";
export { Session, type SessionOptions, type SessionState } from "@etcdkit/session";
export { ReadLock } from "./read-lock.js";
export { type RWContender, type RWLockOptions, RWMutex } from "./rwmutex.js";
export { WriteLock } from "./write-lock.js";
