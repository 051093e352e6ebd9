import type { KeyRange } from "@etcdkit/core/internal";

/** Bytes as latin1 text: one character a byte, so that texts sort as etcd sorts keys. */
export function idOf(key: Buffer): string {
  return key.toString("latin1");
}

/** Where a range begins and ends; undefined: no end. */
export interface Interval {
  from: string;
  to: string | undefined;
}

export function intervalOf({ key, rangeEnd }: KeyRange): Interval {
  const from = idOf(key);
  if (!rangeEnd || rangeEnd.length === 0) return { from, to: `${from}\0` };
  const to = idOf(rangeEnd);
  return { from, to: to === "\0" ? undefined : to };
}

export function covers({ from, to }: Interval, id: string): boolean {
  return id >= from && (to === undefined || id < to);
}
