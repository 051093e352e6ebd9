export { isSession, leaseOf } from "./session.js";
