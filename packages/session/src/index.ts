export {
  type Connection,
  type ConnectOptions,
  CoordinationError,
  connect,
  SessionClosedError,
  SessionExpiredError,
  type SessionState,
} from "@etcdkit/core";
export { Session, type SessionOptions } from "./session.js";
