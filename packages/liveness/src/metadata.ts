import { describe } from "@etcdkit/core/internal";

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** What JSON can carry, as it is: no `undefined`, no functions, no class instances, finite numbers. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** Bytes of metadata as JSON in UTF-8. etcd keeps a value whole and sends it to every observer at each change. */
const LARGEST = 64 * 1_024;
/** Far beyond sensible use, far below what overflows a stack. */
const DEEPEST = 100;

/**
 * A copy of `metadata`, which the caller may go on changing.
 *
 * @throws TypeError if it is no object of what JSON can carry, RangeError if it is larger than 64 KiB as JSON or too deep
 */
export function checkMetadata(metadata: unknown): JsonObject {
  if (!isPlainObject(metadata)) {
    throw new TypeError(`metadata must be a plain object, not ${describe(metadata)}`);
  }
  check(metadata, "metadata", []);
  const json = JSON.stringify(metadata);
  const bytes = Buffer.byteLength(json);
  if (bytes > LARGEST) {
    throw new RangeError(`metadata must not be larger than ${LARGEST} bytes as JSON: ${bytes}`);
  }
  return JSON.parse(json) as JsonObject;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function check(value: unknown, path: string, above: object[]): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return;
    throw new TypeError(`${path} must be a finite number, not ${value}`);
  }
  if (!Array.isArray(value) && !isPlainObject(value)) {
    throw new TypeError(`${path} must be something that JSON can carry, not ${describe(value)}`);
  }
  if (above.includes(value)) throw new TypeError(`${path} contains itself`);
  if (above.length >= DEEPEST) {
    throw new RangeError(`metadata must not be deeper than ${DEEPEST} levels`);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw new TypeError(`${path} must not have symbols as keys: JSON cannot carry them`);
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    throw new TypeError(`${path} must not have a method toJSON`);
  }
  above.push(value);
  if (Array.isArray(value)) {
    // by index: a hole is undefined, and would be skipped otherwise
    for (let index = 0; index < value.length; index++) {
      check(value[index], `${path}[${index}]`, above);
    }
  } else {
    for (const key of Object.keys(value)) check(value[key], `${path}.${key}`, above);
  }
  above.pop();
}
