import type {
  Etcd,
  KeyRange,
  KeyValue,
  Op,
  OpResult,
  RangeResult,
  Txn,
  TxnResult,
} from "./etcd.js";
import { prefixEnd } from "./keys.js";

/** The same member seen through a namespace: every key that goes down gets the prefix, every key that comes up loses it. */
export function namespaced(etcd: Etcd, namespace: string): Etcd {
  const prefix = Buffer.from(namespace);
  const end = prefixEnd(prefix);

  const into = <R extends KeyRange>(range: R): R => ({
    ...range,
    key: Buffer.concat([prefix, range.key]),
    ...(range.rangeEnd && {
      // a lone zero byte means "to the end", here the end of the namespace
      rangeEnd: range.rangeEnd.equals(ZERO) ? end : Buffer.concat([prefix, range.rangeEnd]),
    }),
  });
  const intoOp = (op: Op): Op => {
    if ("put" in op) return { put: into(op.put) };
    if ("range" in op) return { range: into(op.range) };
    if ("txn" in op) return { txn: intoTxn(op.txn) };
    return { deleteRange: into(op.deleteRange) };
  };
  const intoTxn = (txn: Txn): Txn => ({
    compare: txn.compare.map(into),
    success: txn.success.map(intoOp),
    failure: txn.failure.map(intoOp),
  });

  const outOf = (kv: KeyValue): KeyValue => ({ ...kv, key: kv.key.subarray(prefix.length) });
  const outOfRange = (result: RangeResult): RangeResult => ({
    ...result,
    kvs: result.kvs.map(outOf),
  });
  const outOfOp = (result: OpResult): OpResult => ({
    ...(result.range && { range: outOfRange(result.range) }),
    ...(result.txn && { txn: outOfTxn(result.txn) }),
  });
  const outOfTxn = (result: TxnResult): TxnResult => ({
    ...result,
    results: result.results.map(outOfOp),
  });

  return {
    txn: async (txn, call) => outOfTxn(await etcd.txn(intoTxn(txn), call)),
    range: async (request, call) => outOfRange(await etcd.range(into(request), call)),
    leaseGrant: (lease, ttl, call) => etcd.leaseGrant(lease, ttl, call),
    leaseRevoke: (lease, call) => etcd.leaseRevoke(lease, call),
    leaseTimeToLive: async (lease, call) => {
      const left = await etcd.leaseTimeToLive(lease, call);
      const inside = left.keys.filter((key) => key.subarray(0, prefix.length).equals(prefix));
      return { ...left, keys: inside.map((key) => key.subarray(prefix.length)) };
    },
    keepAlive: (events) => etcd.keepAlive(events),
    watch: (events) => {
      const stream = etcd.watch({
        message: (reply) =>
          events.message({
            ...reply,
            events: reply.events.map((event) => ({
              ...event,
              kv: outOf(event.kv),
              ...(event.prevKv && { prevKv: outOf(event.prevKv) }),
            })),
          }),
        end: (error) => events.end(error),
      });
      return {
        create: (watch) => stream.create(into(watch)),
        cancelWatch: (id) => stream.cancelWatch(id),
        requestProgress: () => stream.requestProgress(),
        close: () => stream.close(),
        cancel: () => stream.cancel(),
      };
    },
    reconnect: () => etcd.reconnect(),
    close: () => etcd.close(),
  };
}

const ZERO = Buffer.from([0]);
