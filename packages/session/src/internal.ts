export { leaseOf } from "./session.js";
