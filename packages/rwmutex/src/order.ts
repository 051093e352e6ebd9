import type { Contender } from "@etcdkit/core";
import {
  type KeyRange,
  leaseHex,
  type Policy,
  prefixEnd,
  underPrefix,
} from "@etcdkit/core/internal";

/** What a contender wants: to hold with other readers, or alone. */
export type Kind = "read" | "write";

/**
 * Keys are `name/read/<lease id in hex>` and `name/write/<lease id in hex>`, and while that is taken with `-<n>` behind it: where
 * Go's recipe has its own (etcd, client/v3/experimental/recipes/rwmutex.go).
 */
export function keyOf(name: string, kind: Kind, leaseId: bigint): string {
  return `${name}/${kind}/${leaseHex(leaseId)}`;
}

/** A key that is no reader's counts as a writer, whatever it is: who waits for it for nothing is safer than who does not. */
export function kindOf({ key }: Contender, prefix: string): Kind {
  return key.startsWith(`${prefix}read/`) ? "read" : "write";
}

/** Readers hold together up to the first writer, a writer holds when it is first. */
export const rwmutexPolicy: Policy = {
  kind: "rwmutex",
  *holders(order, prefix) {
    let ahead = 0;
    for (const contender of order) {
      const reads = kindOf(contender, prefix) === "read";
      if (reads || ahead === 0) yield contender;
      if (!reads) return;
      ahead++;
    }
  },
  belongs: (suffix) => /^(read|write)\/[^/]+$/.test(suffix),
};

/** Where all keys in line are but those of readers; with `without`, but this one too. */
export function writers(name: string, without?: string): KeyRange[] {
  const line = underPrefix(`${name}/`);
  const readers = Buffer.from(`${name}/read/`);
  const before = { key: line.key, rangeEnd: readers };
  const after = { key: prefixEnd(readers), rangeEnd: line.rangeEnd };
  if (without === undefined) return [before, after];
  // `write/` is after `read/`
  return [
    before,
    { key: after.key, rangeEnd: Buffer.from(without) },
    { key: Buffer.from(`${without}\0`), rangeEnd: after.rangeEnd },
  ];
}
