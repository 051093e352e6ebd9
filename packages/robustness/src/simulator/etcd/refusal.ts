import { EtcdFailure } from "@etcdkit/core/internal";

/** What etcd says no with, in its own words (etcd, api/v3rpc/rpctypes/error.go). */
export const refusals = {
  tooManyOps: () => new EtcdFailure("refused", "etcdserver: too many operations in txn request"),
  duplicateKey: () => new EtcdFailure("refused", "etcdserver: duplicate key given in txn request"),
  emptyKey: () => new EtcdFailure("refused", "etcdserver: key is not provided"),
  compacted: () =>
    new EtcdFailure("compacted", "etcdserver: mvcc: required revision has been compacted"),
  future: () =>
    new EtcdFailure("refused", "etcdserver: mvcc: required revision is a future revision"),
  leaseNotFound: () => new EtcdFailure("lease-not-found", "etcdserver: requested lease not found"),
  leaseExists: () => new EtcdFailure("lease-exists", "etcdserver: lease already exists"),
  leaseTooLong: () => new EtcdFailure("refused", "etcdserver: too large lease TTL"),
};
