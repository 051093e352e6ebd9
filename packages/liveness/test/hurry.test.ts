import { ManualClock } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { Hurry } from "../src/hurry.js";

test("who waits behind others has 10 s from the last answer that one of them got", () => {
  const clock = new ManualClock();
  let answeredAt = Number.NEGATIVE_INFINITY;
  const options = { what: "member a", signal: undefined, answeredAt: () => answeredAt };
  const hurry = new Hurry(clock, options);
  for (let n = 0; n < 10; n++) {
    clock.advance(9_000);
    answeredAt = clock.now();
  }
  clock.advance(9_999);
  expect(hurry.signal.aborted).toBe(false);
  clock.advance(1);
  expect(hurry.signal.reason).toMatchObject({ code: "UNAVAILABLE" });
  expect(clock.pending).toBe(0);
});
