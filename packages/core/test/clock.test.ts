import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SystemClock } from "../src/clock.js";

describe("the system clock", () => {
  it("adds the time a machine slept, which the uptime counts and the monotonic clock does not", () => {
    let monotonic = 1_000;
    let uptime = 500_000;
    const clock = new SystemClock(
      () => monotonic,
      () => uptime,
      () => 7_000,
    );
    monotonic += 100;
    uptime += 110; // read in steps of 10 ms: no sleep
    expect(clock.now()).toBe(1_100);
    monotonic += 20;
    uptime += 60_020;
    expect(clock.now()).toBe(61_130);
    monotonic += 5;
    uptime += 5;
    expect(clock.now()).toBe(61_135);
  });

  it("sees at once that the machine slept, by a wall clock that jumped over it", () => {
    let uptime = 500_000;
    let wall = 7_000;
    const clock = new SystemClock(
      () => 1_000,
      () => uptime,
      () => wall,
    );
    expect(clock.now()).toBe(1_000);
    uptime += 60_000;
    wall += 60_000;
    expect(clock.now()).toBe(61_000);
  });

  it("does not believe a wall clock that jumps by itself", () => {
    let wall = 7_000;
    const clock = new SystemClock(
      () => 1_000,
      () => 500_000,
      () => wall,
    );
    for (const jump of [3_600_000, -7_200_000]) {
      wall += jump;
      expect(clock.now()).toBe(1_000);
    }
  });

  it("asks for the uptime every 20 ms at most", () => {
    let monotonic = 1_000;
    let asked = 0;
    const clock = new SystemClock(
      () => monotonic,
      () => ++asked,
      () => monotonic,
    );
    asked = 0;
    for (let look = 0; look < 5_000; look++) {
      clock.now();
      monotonic += 0.02;
    }
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(6);
  });

  it("never goes back when the uptime does", () => {
    let monotonic = 1_000;
    let uptime = 500_000;
    const clock = new SystemClock(
      () => monotonic,
      () => uptime,
      () => 7_000,
    );
    uptime += 60_000;
    expect(clock.now()).toBe(61_000);
    uptime -= 59_000;
    monotonic += 20;
    expect(clock.now()).toBe(61_020);
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

describe("a timer of the system clock", () => {
  let slept: number;
  let clock: SystemClock;
  let ran: number[];

  beforeEach(() => {
    vi.useFakeTimers();
    slept = 0;
    ran = [];
    clock = new SystemClock(
      () => performance.now(),
      () => performance.now() + slept,
      () => Date.now() + slept,
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const set = (delayMs: number) => {
    const start = clock.now();
    return clock.setTimer(delayMs, () => ran.push(clock.now() - start));
  };

  it("runs when its time has come, and once", () => {
    for (const delayMs of [10, 999.5, 1_000, 2_500]) {
      ran = [];
      set(delayMs);
      vi.advanceTimersByTime(Math.ceil(delayMs) - 1);
      expect(ran).toEqual([]);
      vi.advanceTimersByTime(2);
      expect(ran).toHaveLength(1);
    }
  });

  it("that fell due while the machine slept runs within a second of its waking", () => {
    set(60_000);
    vi.advanceTimersByTime(20_300);
    slept = 3_600_000;
    vi.advanceTimersByTime(1_000);
    expect(ran).toHaveLength(1);
  });

  it("waits for the rest of its time where the machine slept for less", () => {
    set(60_000);
    vi.advanceTimersByTime(20_300);
    slept = 30_000;
    vi.advanceTimersByTime(9_699);
    expect(ran).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ran).toEqual([60_000]);
  });

  it("does not run once it is cancelled, however long it has been set", () => {
    const timer = set(60_000);
    vi.advanceTimersByTime(20_300);
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(ran).toEqual([]);
  });
});
