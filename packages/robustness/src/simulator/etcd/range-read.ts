import type { KeyValue, RangeRequest, RangeResult } from "@etcdkit/core/internal";
import { refusals } from "./refusal.js";
import type { Store } from "./store.js";

const NO_BYTES = Buffer.alloc(0);

/** A range as etcd answers it (etcd, server/etcdserver/txn/range.go). `revision` of the result is the store's. */
export function readRange(store: Store, request: RangeRequest): RangeResult {
  if (request.key.length === 0) throw refusals.emptyKey();
  const { revision = 0n, limit = 0, sort, keysOnly, countOnly, maxCreateRevision } = request;
  const all = revision > 0n ? store.withinAt(request, revision) : store.within(request);
  if (countOnly) return { revision: store.revision, kvs: [], more: false, count: all.length };
  let kvs = all;
  if (maxCreateRevision) {
    kvs = kvs.filter(({ createRevision }) => createRevision <= maxCreateRevision);
  }
  if (sort) kvs = sorted(kvs, sort);
  const more = limit > 0 && kvs.length > limit;
  if (more) kvs = kvs.slice(0, limit);
  if (keysOnly) kvs = kvs.map((kv) => ({ ...kv, value: NO_BYTES }));
  return { revision: store.revision, kvs: kvs === all ? [...kvs] : kvs, more, count: all.length };
}

/** Fails as reading would: a transaction is looked through before its first write. */
export function checkRange(store: Store, { revision = 0n }: RangeRequest): void {
  if (revision <= 0n) return;
  if (revision > store.revision) throw refusals.future();
  if (revision < store.compacted) throw refusals.compacted();
}

function sorted(kvs: KeyValue[], { by, order }: NonNullable<RangeRequest["sort"]>): KeyValue[] {
  const sign = order === "ascend" ? 1 : -1;
  const compare = (a: KeyValue, b: KeyValue) =>
    by === "key" ? Buffer.compare(a.key, b.key) : Number(a.createRevision - b.createRevision);
  return [...kvs].sort((a, b) => sign * compare(a, b));
}
