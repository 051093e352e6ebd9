export { checkSignal, unlessAborted } from "./abort.js";
export { type Clock, SystemClock, type Timer } from "./clock.js";
export { type EtcdConnection, internals, openConnection } from "./connection.js";
export { Deadline } from "./deadline.js";
export {
  EtcdFailure,
  type KeyRange,
  type KeyValue,
  type Txn,
  type TxnResult,
  type WatchEvent,
} from "./etcd.js";
export { checkName, describe, leaseHex, prefixEnd, underPrefix } from "./keys.js";
export { Lease } from "./lease.js";
export type { Line, Policy } from "./line.js";
export { type Patience, promptly } from "./members.js";
export { enter, enterIfFree, type Place } from "./place.js";
export { listRange, Snapshot, type SnapshotHandlers } from "./snapshot.js";
export { putOwn } from "./txn.js";
