import type { EtcdConnection } from "./connection.js";
import type { KeyRange, KeyValue, RangeRequest, WatchEvent } from "./etcd.js";
import { Snapshot } from "./snapshot.js";

/**
 * Up to how many ahead a waiter's connection follows the whole line. Every turn is an event or two to every follower, so a
 * long line of many processes would wake them all each time; the far ones watch one key instead, the one this many places
 * before their own. 32 turns take longer than the 100 ms that etcd may need to serve a new watch.
 */
export const NEAR = 32;

interface Far {
  line: KeyRange;
  key: Buffer;
  createRevision: bigint;
  what: string;
  signal: AbortSignal;
}

/** Resolves once fewer than `NEAR` are ahead of `key`, or the key itself is gone: following the line tells which. */
export async function approach(connection: EtcdConnection, far: Far): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([far.signal, stop.signal]);
  try {
    const own = untilGone(connection, far, far.what, signal);
    for (;;) {
      const { kvs } = await connection.call((etcd, call) => etcd.range(nearest(far), call), far);
      const waypoint = kvs[NEAR - 1];
      if (!waypoint) return;
      const passed = untilGone(connection, waypoint, far.what, signal);
      const gone = await Promise.race([own.then(() => far), passed.then(() => waypoint)]);
      if (gone === far) return;
    }
  } finally {
    stop.abort();
  }
}

/** Those just before us, the nearest first. */
function nearest({ line, createRevision }: Far): RangeRequest {
  const sort = { by: "create", order: "descend" } as const;
  return { ...line, maxCreateRevision: createRevision - 1n, sort, limit: NEAR, keysOnly: true };
}

/** Resolves when `key` with this create revision is not there any more; rejects when that cannot be known. */
function untilGone(
  connection: EtcdConnection,
  { key, createRevision }: { key: Buffer; createRevision: bigint },
  what: string,
  signal: AbortSignal,
): Promise<void> {
  let close: (() => void) | undefined;
  const gone = new Promise<void>((resolve, reject) => {
    const check = (kv: KeyValue | undefined) => {
      if (kv?.createRevision !== createRevision) resolve();
    };
    const snapshot = new Snapshot(connection, { key }, what, {
      state: (kvs) => check(kvs[0]),
      changes: (events: WatchEvent[]) => {
        for (const { type, kv } of events) check(type === "put" ? kv : undefined);
      },
      failed: reject,
    });
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    close = () => {
      snapshot.close();
      signal.removeEventListener("abort", abort);
    };
  });
  const ended = gone.finally(() => close?.());
  // whoever waits for something else by now need not hear of it
  ended.catch(() => undefined);
  return ended;
}
