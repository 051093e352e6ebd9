import { describe, expect, it, vi } from "vitest";
import {
  CoordinationError,
  KeyDeletedError,
  SessionClosedError,
  SessionExpiredError,
} from "../src/errors.js";

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

  it("say what they are about in no more than a log takes, however long its name is", () => {
    const told = (name: string) =>
      new CoordinationError("REFUSED", `lock ${name}: too large`).message;
    expect(told("a".repeat(900))).toContain("a".repeat(900));
    expect(told("a".repeat(2 << 20))).toMatch(/^lock a{495} … a{489}: too large$/);
  });

  it("are recognised across two installed copies", async () => {
    const other = await anotherCopy();
    expect(other.SessionExpiredError).not.toBe(SessionExpiredError);
    const error = new other.SessionExpiredError("gone");
    expect(error).toBeInstanceOf(SessionExpiredError);
    expect(error).toBeInstanceOf(CoordinationError);
    expect(error).not.toBeInstanceOf(KeyDeletedError);
  });

  it("are recognised by a user's own class only where it made them", () => {
    class LockLostError extends SessionExpiredError {}
    const own = new LockLostError("lost");
    expect(own).toBeInstanceOf(LockLostError);
    expect(own).toBeInstanceOf(SessionExpiredError);
    expect(own).toBeInstanceOf(CoordinationError);
    expect(own).not.toBeInstanceOf(SessionClosedError);
    expect(new SessionExpiredError("gone")).not.toBeInstanceOf(LockLostError);
    class NamedError extends SessionExpiredError {
      override name = "NamedError";
    }
    expect(new NamedError("lost")).toBeInstanceOf(NamedError);
    expect(new NamedError("lost")).toBeInstanceOf(SessionExpiredError);
  });

  it("are recognised under whatever name a bundler gives their classes", async () => {
    const other = await anotherCopy();
    Object.defineProperty(other.SessionExpiredError, "name", { value: "e" });
    Object.defineProperty(other.KeyDeletedError, "name", { value: "SessionExpiredError" });
    const error = new other.SessionExpiredError("gone");
    expect(error).toBeInstanceOf(other.SessionExpiredError);
    expect(error).not.toBeInstanceOf(other.KeyDeletedError);
    expect(error).toBeInstanceOf(SessionExpiredError);
    expect(new SessionExpiredError("gone")).toBeInstanceOf(other.SessionExpiredError);
    expect(new SessionExpiredError("gone")).not.toBeInstanceOf(other.KeyDeletedError);
  });

  it("of a user's own class are recognised by another copy as what they extend", async () => {
    const other = await anotherCopy();
    class LockLostError extends other.SessionExpiredError {
      override name = "LockLostError";
    }
    const error = new LockLostError("lost");
    expect(error).toBeInstanceOf(SessionExpiredError);
    expect(error).toBeInstanceOf(CoordinationError);
    expect(error).not.toBeInstanceOf(KeyDeletedError);
    expect(new SessionExpiredError("gone")).not.toBeInstanceOf(LockLostError);
  });
});

async function anotherCopy(): Promise<typeof import("../src/errors.js")> {
  vi.resetModules();
  return await import("../src/errors.js");
}
