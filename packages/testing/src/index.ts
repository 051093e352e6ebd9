export type { EtcdBinaries } from "./binaries.js";
export type { ClientCredentials } from "./credentials.js";
export { TestingError, type TestingErrorCode } from "./errors.js";
export type { ClientOptions, EtcdServer } from "./etcd-server.js";
export { type EventuallyOptions, eventually, type Settled } from "./eventually.js";
export { DEFAULT_ETCD_VERSION, type FindEtcdOptions, findEtcd, findEtcdctl } from "./find-etcd.js";
export { ManualClock, type ManualTimer } from "./manual-clock.js";
export { type StartEtcdOptions, startEtcd } from "./start-etcd.js";
