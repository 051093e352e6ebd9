import { describe, expect, it } from "vitest";
import { checkName, leaseHex, prefixEnd, underPrefix } from "../src/keys.js";

describe("keys", () => {
  it("print a lease id as Go's %x of an int64 does", () => {
    expect(leaseHex(0x694d8b2c5f1a0e3fn)).toBe("694d8b2c5f1a0e3f");
    expect(leaseHex(10n)).toBe("a");
    expect(leaseHex(-1n)).toBe("-1");
  });

  it("end a prefix at its last byte below 0xff, increased", () => {
    expect(prefixEnd(Buffer.from("a/"))).toEqual(Buffer.from("a0"));
    expect(prefixEnd(Buffer.from([0x61, 0xff, 0xff]))).toEqual(Buffer.from([0x62]));
    expect(prefixEnd(Buffer.from([0xff, 0xff]))).toEqual(Buffer.from([0]));
    expect(underPrefix("n/")).toEqual({ key: Buffer.from("n/"), rangeEnd: Buffer.from("n0") });
  });

  it.each([
    ["an empty name", "", /must not be empty/],
    ["NUL", "a\0b", /NUL/],
    ["half a surrogate pair", "a\ud800", /well-formed/],
    ["a number", 5, /must be a string, not 5/],
    ["null", null, /must be a string, not null/],
  ])("refuse %s", (_, name, message) => {
    expect(() => checkName(name, "the name")).toThrow(TypeError);
    expect(() => checkName(name, "the name")).toThrow(message);
  });
});
