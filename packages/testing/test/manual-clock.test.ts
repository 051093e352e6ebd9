import { expect, test } from "vitest";
import { ManualClock } from "../src/index.js";

test("timers run at their times, in order, and equal ones in the order they were set", () => {
  const clock = new ManualClock(1_000);
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name} at ${clock.now()}`);
  clock.setTimer(30, note("c"));
  clock.setTimer(10, note("a"));
  clock.setTimer(10, note("b"));
  const never = clock.setTimer(20, note("never"));
  expect([clock.pending, clock.nextAt]).toEqual([4, 1_010]);
  never.cancel();
  never.cancel();
  clock.advance(29);
  expect(ran).toEqual(["a at 1010", "b at 1010"]);
  clock.advance(1);
  expect(ran.at(-1)).toBe("c at 1030");
  expect([clock.now(), clock.pending, clock.nextAt]).toEqual([1_030, 0, undefined]);
});

test("a timer set by a timer runs in the same turn, if its time comes", () => {
  const clock = new ManualClock();
  const ran: number[] = [];
  const again = () => {
    ran.push(clock.now());
    clock.setTimer(10, again);
  };
  clock.setTimer(10, again);
  clock.advance(35);
  expect(ran).toEqual([10, 20, 30]);
  expect([clock.now(), clock.pending]).toEqual([35, 1]);
});

test("time that jumps runs nothing; what became overdue runs late, and the clock never goes back", () => {
  const clock = new ManualClock();
  const ran: number[] = [];
  clock.setTimer(10, () => ran.push(clock.now()));
  clock.setTimer(60, () => ran.push(clock.now()));
  clock.jump(50);
  expect([clock.now(), ran.length]).toEqual([50, 0]);
  clock.advance(0);
  expect(ran).toEqual([50]);
  clock.advance(10);
  expect(ran).toEqual([50, 60]);
});
