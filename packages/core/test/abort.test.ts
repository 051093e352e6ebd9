import { getMaxListeners, setMaxListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { checkSignal } from "../src/abort.js";

describe("a signal that the user gave", () => {
  it("may have any number of listeners", () => {
    const { signal } = new AbortController();
    checkSignal(signal);
    // in later Node versions that is so from the start, and told as 0
    expect([0, Number.POSITIVE_INFINITY]).toContain(getMaxListeners(signal));
  });

  it("keeps a limit that the user set", () => {
    const { signal } = new AbortController();
    setMaxListeners(30, signal);
    checkSignal(signal);
    expect(getMaxListeners(signal)).toBe(30);
  });

  it("may have been given to others that took its limit away", () => {
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    expect(() => checkSignal(signal)).not.toThrow();
  });
});
