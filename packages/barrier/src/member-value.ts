/** The value of a member's key, and of `ready`: Go's are empty, and Go reads none. */
export function encodeCount(count: number): Buffer {
  return Buffer.from(JSON.stringify({ count }));
}

/** Undefined where the value does not tell: Go's, or anybody's. */
export function decodeCount(value: Buffer): number | undefined {
  try {
    const { count }: { count?: unknown } = JSON.parse(value.toString());
    return typeof count === "number" ? count : undefined;
  } catch {
    return undefined;
  }
}
