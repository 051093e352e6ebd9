import { describe } from "./keys.js";

/** Throws a TypeError unless `options` is absent or an object of options. */
export function checkOptions(options: unknown): void {
  if (options === undefined) return;
  // a likely slip, which would wait for ever
  if (options instanceof AbortSignal) {
    throw new TypeError("options must be an object, not an AbortSignal: pass { signal }");
  }
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`options must be an object, not ${describe(options)}`);
  }
}
