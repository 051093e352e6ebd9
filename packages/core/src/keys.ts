/**
 * Names to keys, byte for byte as Go lays them out: the contenders for `name` are the keys under `name/`, each ending in its
 * session's lease id in Go's `%x` (etcd, client/v3/concurrency/mutex.go and election.go).
 */

/** Throws unless `name` can be the name of a lock, an election or the like. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name !== "string") {
    throw new TypeError(`${what} must be a string, not ${describe(name)}`);
  }
  if (name === "") throw new TypeError(`${what} must not be empty`);
  if (name.includes("\0")) throw new TypeError(`${what} must not contain NUL`);
  if (!name.isWellFormed()) {
    throw new TypeError(`${what} must be well-formed text, not half a surrogate pair`);
  }
}

/** What a value is, for an error message. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "object") return `a ${value.constructor?.name ?? "object"}`;
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (typeof value === "symbol" || typeof value === "function") return `a ${typeof value}`;
  return `${value}`;
}

/** A lease id as Go prints it in keys: lowercase hex, no padding, a sign for a negative one. */
export function leaseHex(lease: bigint): string {
  return lease.toString(16);
}

/** The end of the range of all keys that start with `prefix`: its last byte below 0xff increased and the rest cut. */
export function prefixEnd(prefix: Buffer): Buffer {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix[last] ?? 0xff;
    if (byte < 0xff) {
      const end = Buffer.from(prefix.subarray(0, last + 1));
      end[last] = byte + 1;
      return end;
    }
  }
  return Buffer.from([0]); // etcd's word for "to the end of all keys"
}

/** All keys that start with `prefix`. */
export function underPrefix(prefix: string): { key: Buffer; rangeEnd: Buffer } {
  const key = Buffer.from(prefix);
  return { key, rangeEnd: prefixEnd(key) };
}
