import type { Op, Txn } from "@etcdkit/core/internal";
import { covers, type Interval, idOf } from "./key-range.js";
import { refusals } from "./refusal.js";

const MOST_OPS = 128;

/** What etcd refuses before it looks at any key (etcd, server/etcdserver/api/v3rpc/key.go: checkTxnRequest, checkIntervals). */
export function checkTxn(txn: Txn): void {
  checkSize(txn, MOST_OPS);
  checkWrites(txn.success);
  checkWrites(txn.failure);
}

function checkSize({ compare, success, failure }: Txn, most: number): void {
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > most) throw refusals.tooManyOps();
  if (compare.some(({ key }) => key.length === 0)) throw refusals.emptyKey();
  for (const op of [...success, ...failure]) {
    if ("txn" in op) checkSize(op.txn, most - ops);
    else if (keyOf(op).length === 0) throw refusals.emptyKey();
  }
}

function keyOf(op: Exclude<Op, { txn: Txn }>): Buffer {
  if ("put" in op) return op.put.key;
  return "range" in op ? op.range.key : op.deleteRange.key;
}

interface Writes {
  puts: Set<string>;
  deletions: Interval[];
}

/** No key is written twice on one way through, as far as etcd notices: it takes the parts in turn, and so do we. */
function checkWrites(ops: readonly Op[]): Writes {
  const deletions = ops.flatMap((op) => ("deleteRange" in op ? [deletionOf(op)] : []));
  const puts = new Set<string>();
  const deleted = (key: string) => deletions.some((interval) => covers(interval, key));
  for (const op of ops) {
    if (!("txn" in op)) continue;
    const yes = checkWrites(op.txn.success);
    const no = checkWrites(op.txn.failure);
    for (const key of yes.puts) {
      if (puts.has(key) || deleted(key)) throw refusals.duplicateKey();
      puts.add(key);
    }
    for (const key of no.puts) {
      // in both branches of one transaction is once
      if ((puts.has(key) && !yes.puts.has(key)) || deleted(key)) throw refusals.duplicateKey();
      puts.add(key);
    }
    deletions.push(...yes.deletions, ...no.deletions);
  }
  for (const op of ops) {
    if (!("put" in op)) continue;
    const key = idOf(op.put.key);
    if (puts.has(key) || deleted(key)) throw refusals.duplicateKey();
    puts.add(key);
  }
  return { puts, deletions };
}

function deletionOf({ deleteRange }: Extract<Op, { deleteRange: unknown }>): Interval {
  const { key, rangeEnd } = deleteRange;
  const from = idOf(key);
  // taken by the letter here, also an end that elsewhere means "no end"
  return { from, to: rangeEnd && rangeEnd.length > 0 ? idOf(rangeEnd) : `${from}\0` };
}
