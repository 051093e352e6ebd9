export { type Connection, type ConnectOptions, connect, type SessionState } from "@etcdkit/core";
export { CoordinationError, SessionClosedError, SessionExpiredError } from "@etcdkit/core";
export { Session, type SessionOptions } from "./session.js";
