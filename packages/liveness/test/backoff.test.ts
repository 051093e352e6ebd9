import { systemRandom } from "@etcdkit/core/internal";
import { ManualClock } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { Backoff } from "../src/backoff.js";

/** How long each of `count` attempts, which take `takesMs` each, was waited for. */
async function pauses(clock: ManualClock, backoff: Backoff, count: number, takesMs: number) {
  const { signal } = new AbortController();
  const waited: number[] = [];
  for (let n = 0; n < count; n++) {
    const since = clock.now();
    const attempt = backoff.attempt(signal, async () => {
      waited.push(clock.now() - since);
      clock.advance(takesMs);
    });
    // one that is not made at once is made when its timer runs
    await Promise.resolve();
    clock.advance((clock.nextAt ?? clock.now()) - clock.now());
    await attempt;
  }
  return waited;
}

test("attempts that take long, as they do while etcd is away, are made ever more slowly too", async () => {
  const clock = new ManualClock();
  const backoff = new Backoff({ clock, random: systemRandom });
  const waited = await pauses(clock, backoff, 8, 12_000);
  expect(waited[0]).toBe(0);
  expect(waited[7]).toBeGreaterThanOrEqual(2_500);
});

test("when nothing was to be done for a while, the next attempt is a first one again", async () => {
  const clock = new ManualClock();
  const backoff = new Backoff({ clock, random: systemRandom });
  await pauses(clock, backoff, 8, 5);
  clock.advance(10_001);
  expect(await pauses(clock, backoff, 1, 5)).toEqual([0]);
});

test("an attempt that fails counts from its end too, and a signal ends the waiting", async () => {
  const clock = new ManualClock();
  const backoff = new Backoff({ clock, random: systemRandom });
  const { signal } = new AbortController();
  const failing = async () => {
    clock.advance(12_000);
    throw new Error("no answer");
  };
  await expect(backoff.attempt(signal, failing)).rejects.toThrow("no answer");
  const stop = new AbortController();
  const attempt = backoff.attempt(stop.signal, async () => "made");
  expect(clock.pending).toBe(1);
  stop.abort();
  expect(await attempt).toBe("made");
  expect(clock.pending).toBe(0);
});
