import type { Compare, Op, OpResult, Txn, TxnResult } from "@etcdkit/core/internal";
import { idOf } from "./key-range.js";
import type { Leases } from "./leases.js";
import { checkRange, readRange } from "./range-read.js";
import { refusals } from "./refusal.js";
import type { Store } from "./store.js";

/** Which branch a transaction takes, and those nested in that branch. */
interface Way {
  succeeded: boolean;
  /** One for each operation of the branch; undefined where it is no transaction. */
  nested: (Way | undefined)[];
}

/**
 * Every compare, those of nested transactions too, is made before anything is written; then what would fail is refused; then all
 * is written at one revision (etcd, server/etcdserver/apply.go: compareToPath, checkRequests, applyTxn).
 */
export function applyTxn(store: Store, leases: Leases, txn: Txn): TxnResult {
  const way = wayOf(store, txn);
  checkPuts(leases, txn, way);
  checkRanges(store, txn, way);
  const result = run(store, leases, txn, way);
  const revision = store.commit();
  return { ...result, revision };
}

function wayOf(store: Store, txn: Txn): Way {
  const succeeded = txn.compare.every((compare) => holds(store, compare));
  const ops = succeeded ? txn.success : txn.failure;
  return { succeeded, nested: ops.map((op) => ("txn" in op ? wayOf(store, op.txn) : undefined)) };
}

function holds(store: Store, compare: Compare): boolean {
  const kvs = store.within(compare);
  const equal = (kv: { createRevision: bigint; modRevision: bigint; lease: bigint }) => {
    if ("createRevision" in compare) return kv.createRevision === compare.createRevision;
    if ("modRevision" in compare) return kv.modRevision === compare.modRevision;
    return kv.lease === compare.lease;
  };
  return kvs.length === 0
    ? equal({ createRevision: 0n, modRevision: 0n, lease: 0n })
    : kvs.every(equal);
}

/** Of the way that is taken: first all puts, then all ranges. */
function checkPuts(leases: Leases, txn: Txn, way: Way): void {
  forEach(txn, way, (op, nested) => {
    if ("txn" in op && nested) checkPuts(leases, op.txn, nested);
    if (!("put" in op)) return;
    const { lease = 0n } = op.put;
    if (lease !== 0n && !leases.has(lease)) throw refusals.leaseNotFound();
  });
}

function checkRanges(store: Store, txn: Txn, way: Way): void {
  forEach(txn, way, (op, nested) => {
    if ("txn" in op && nested) checkRanges(store, op.txn, nested);
    if ("range" in op) checkRange(store, op.range);
  });
}

function run(store: Store, leases: Leases, txn: Txn, way: Way): TxnResult {
  const results: OpResult[] = [];
  forEach(txn, way, (op, nested) => {
    results.push(runOne(store, leases, op, nested));
  });
  // only the outermost reply tells a revision
  return { revision: 0n, succeeded: way.succeeded, results };
}

function runOne(store: Store, leases: Leases, op: Op, nested: Way | undefined): OpResult {
  if ("txn" in op) return nested ? { txn: run(store, leases, op.txn, nested) } : {};
  if ("range" in op) return { range: { ...readRange(store, op.range), revision: 0n } };
  if ("put" in op) {
    const { key, value, lease = 0n } = op.put;
    const id = idOf(key);
    leases.detach(store.get(id)?.lease ?? 0n, id);
    store.put(key, value, lease);
    leases.attach(lease, id);
  } else {
    for (const { key, lease } of store.delete(op.deleteRange)) leases.detach(lease, idOf(key));
  }
  return {};
}

function forEach(txn: Txn, way: Way, visit: (op: Op, nested: Way | undefined) => void): void {
  const ops = way.succeeded ? txn.success : txn.failure;
  for (const [index, op] of ops.entries()) visit(op, way.nested[index]);
}
