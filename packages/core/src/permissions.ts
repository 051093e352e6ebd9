import type { KeyRange, Op, Txn } from "./etcd.js";

/**
 * What etcd asks of the user's role for a request, in words (etcd, server/etcdserver/apply_auth.go): its own error does not name
 * it, and whoever grants permissions needs to know.
 */
export function neededForTxn(txn: Txn): string {
  const needed = new Set<string>();
  for (const range of txn.compare) needed.add(need("read", range));
  for (const op of [...txn.success, ...txn.failure]) needed.add(neededForOp(op));
  return [...needed].join(", ");
}

export function neededForRange(range: KeyRange): string {
  return need("read", range);
}

function neededForOp(op: Op): string {
  if ("put" in op) return need("write", op.put);
  if ("range" in op) return need("read", op.range);
  if ("deleteRange" in op) return need("write", op.deleteRange);
  return neededForTxn(op.txn);
}

function need(permission: "read" | "write", { key, rangeEnd }: KeyRange): string {
  const from = JSON.stringify(key.toString());
  if (!rangeEnd) return `${permission} ${from}`;
  return `${permission} ${from} to ${JSON.stringify(rangeEnd.toString())}`;
}
