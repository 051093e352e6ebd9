import { describe, expect, it } from "vitest";
import { SystemClock } from "../src/clock.js";

describe("the system clock", () => {
  it("adds the time a machine slept, which the uptime counts and the monotonic clock does not", () => {
    let monotonic = 1_000;
    let uptime = 500_000;
    const clock = new SystemClock(
      () => monotonic,
      () => uptime,
    );
    monotonic += 100;
    uptime += 110; // read in steps of 10 ms: no sleep
    expect(clock.now()).toBe(1_100);
    monotonic += 1;
    uptime += 60_001;
    expect(clock.now()).toBe(61_111);
    monotonic += 5;
    uptime += 5;
    expect(clock.now()).toBe(61_116);
  });

  it("asks for the uptime once a millisecond at most", () => {
    let monotonic = 1_000;
    let asked = 0;
    const clock = new SystemClock(
      () => monotonic,
      () => ++asked,
    );
    asked = 0;
    for (let look = 0; look < 5_000; look++) {
      clock.now();
      monotonic += 0.001;
    }
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(6);
  });

  it("never goes back when the uptime does", () => {
    let uptime = 500_000;
    const clock = new SystemClock(
      () => 1_000,
      () => uptime,
    );
    uptime += 60_000;
    const before = clock.now();
    uptime -= 59_000;
    expect(clock.now()).toBe(before);
  });

  it("agrees with real time, and its timers do not run early", async () => {
    const clock = new SystemClock();
    const start = clock.now();
    await new Promise<void>((resolve) => clock.setTimer(50, resolve));
    const passed = clock.now() - start;
    expect(passed).toBeGreaterThanOrEqual(49);
    expect(passed).toBeLessThan(2_000);
  });
});
