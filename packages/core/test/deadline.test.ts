import { ManualClock } from "@etcdkit/testing";
import { describe, expect, it } from "vitest";
import { Deadline } from "../src/deadline.js";

describe("the local deadline", () => {
  it("is the send time plus the TTL minus the margin", () => {
    const clock = new ManualClock(10_000);
    const deadline = new Deadline(clock, 9_900, 5_000, 500);
    expect(deadline.at).toBe(14_400);
    expect(deadline.remainingMs).toBe(4_400);
    clock.jump(4_399);
    expect(deadline.passed).toBe(false);
    clock.jump(1);
    expect(deadline.passed).toBe(true);
    expect(deadline.remainingMs).toBe(0);
  });

  it("moves with an acknowledged renewal by when that was sent, not by when it was answered", () => {
    const clock = new ManualClock(0);
    const deadline = new Deadline(clock, 0, 5_000, 500);
    clock.jump(3_000);
    deadline.acknowledge(1_000, 5_000);
    expect(deadline.at).toBe(5_500);
  });

  it("never moves back", () => {
    const clock = new ManualClock(0);
    const deadline = new Deadline(clock, 0, 5_000, 500);
    deadline.acknowledge(1_000, 5_000);
    deadline.acknowledge(500, 5_000);
    deadline.acknowledge(1_100, 2_000);
    expect(deadline.at).toBe(5_500);
  });

  it("once passed stays passed, whatever is answered later", () => {
    const clock = new ManualClock(0);
    const deadline = new Deadline(clock, 0, 5_000, 500);
    clock.jump(4_500);
    deadline.acknowledge(4_000, 5_000);
    expect(deadline.passed).toBe(true);
    expect(deadline.remainingMs).toBe(0);
  });
});
