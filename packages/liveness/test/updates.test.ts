import type { Clock } from "@etcdkit/core/internal";
import { ManualClock } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { Updates } from "../src/updates.js";

test("who has waited for 10 s is told, and then forgotten, however long etcd is away", async () => {
  const manual = new ManualClock();
  let touched = 0;
  const clock: Clock = {
    now: () => manual.now(),
    setTimer: (delayMs, callback) => {
      const timer = manual.setTimer(delayMs, callback);
      const cancel = () => {
        touched++;
        timer.cancel();
      };
      return { cancel };
    },
  };
  const updates = new Updates(clock, "member a");
  for (let n = 0; n < 10; n++) {
    const update = updates.next();
    manual.advance(10_000);
    await expect(update).rejects.toMatchObject({ code: "UNAVAILABLE" });
  }
  const waits = updates.next();
  touched = 0;
  updates.written();
  await waits;
  // of the one that waits, and none of those who gave up
  expect(touched).toBe(1);
});
