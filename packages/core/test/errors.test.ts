import { describe, expect, it, vi } from "vitest";
import { CoordinationError, KeyDeletedError, SessionExpiredError } from "../src/errors.js";

describe("errors", () => {
  it("are told apart by class and code", () => {
    const error = new SessionExpiredError("gone");
    expect(error).toBeInstanceOf(SessionExpiredError);
    expect(error).toBeInstanceOf(CoordinationError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(KeyDeletedError);
    expect(error.code).toBe("SESSION_EXPIRED");
    expect(error.name).toBe("SessionExpiredError");
    expect(new Error("other")).not.toBeInstanceOf(CoordinationError);
    expect(null).not.toBeInstanceOf(CoordinationError);
  });

  it("are recognised across two installed copies", async () => {
    vi.resetModules();
    const other: typeof import("../src/errors.js") = await import("../src/errors.js");
    expect(other.SessionExpiredError).not.toBe(SessionExpiredError);
    const error = new other.SessionExpiredError("gone");
    expect(error).toBeInstanceOf(SessionExpiredError);
    expect(error).toBeInstanceOf(CoordinationError);
    expect(error).not.toBeInstanceOf(KeyDeletedError);
  });
});
