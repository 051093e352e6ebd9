import { setImmediate } from "node:timers/promises";
import { internals, openConnection, PROMPTLY_MS } from "@etcdkit/core/internal";
import type { Connection, LeadEvent } from "@etcdkit/election";
import { Election } from "@etcdkit/election";
import { eventually, ManualClock } from "@etcdkit/testing";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { inLine } from "./in-line.js";
import { leading, open, untilTold } from "./leading.js";
import { openSession } from "./open-session.js";

// After a loss it pauses before it campaigns again: whatever took its leadership may take the next one too.

/** The pauses that `retrying` tells of, on the clock of this connection: each is over at once, until `stopTheClock`. */
function pauses(etcd: Connection) {
  const { clock } = internals(etcd);
  const setTimer = clock.setTimer.bind(clock);
  const story: string[] = [];
  const told: number[] = [];
  const made: number[] = [];
  let stopped = false;
  clock.setTimer = (ms, run) => {
    if (!told.includes(ms)) return setTimer(ms, run);
    made.push(ms);
    return stopped ? { cancel: () => undefined } : setTimer(0, run);
  };
  return {
    story,
    told,
    made,
    onChange: (event: LeadEvent) => {
      story.push(event.type);
      if (event.type === "retrying") told.push(event.delayMs);
    },
    stopTheClock: () => {
      stopped = true;
    },
  };
}

test("losses in a row are followed by ever longer pauses, up to 5 s, until it has led; stopped in one, it ends at once", async () => {
  const name = `${testPrefix()}service`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("another");
  const etcd = open();
  const { story, told, made, onChange, stopTheClock } = pauses(etcd);
  const service = leading(etcd, { onChange }, untilTold, name);
  const remove = async (place: number, losses: number) => {
    const line = await inLine(election, place);
    await testClient()
      .delete()
      .key(line.at(-1)?.key ?? "");
    await eventually(() => told.length === losses, { what: `loss ${losses}` });
  };
  for (let losses = 1; losses <= 7; losses++) await remove(2, losses);
  await leadership.resign();
  await eventually(() => story.includes("started"));
  stopTheClock();
  await remove(1, 8);
  await service.stop();
  expect(made).toEqual(told);
  // of which at least half, at random
  const longest = [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 200];
  for (const [n, ms] of longest.entries()) {
    expect(told[n]).toBeLessThanOrEqual(ms);
    expect(told[n]).toBeGreaterThanOrEqual(ms / 2);
  }
});

test("while etcd is away, each attempt of 10 s is followed by a longer pause, of which half is chance", async () => {
  const clock = new ManualClock();
  // where nobody listens
  const etcd = openConnection({ hosts: "127.0.0.1:1" }, clock);
  /** Turns the clock until `over`. */
  const turn = async (over: () => boolean) => {
    while (!over()) {
      clock.advance(25);
      await setImmediate();
    }
  };
  onTestFinished(async () => {
    let closed = false;
    const closing = etcd.close().then(() => {
      closed = true;
    });
    await turn(() => closed);
    await closing;
  });
  const retries: { at: number; delayMs: number; error: unknown }[] = [];
  const onChange = (event: LeadEvent) => {
    if (event.type === "retrying") retries.push({ at: clock.now(), ...event });
  };
  const service = leading(etcd, { onChange }, untilTold);
  for (const longestMs of [200, 400, 800]) {
    const { at: since, delayMs: pausedMs } = retries.at(-1) ?? { at: 0, delayMs: 0 };
    const told = retries.length;
    await turn(() => retries.length > told);
    const { at, delayMs, error } = retries.at(-1) as (typeof retries)[number];
    expect(error).toMatchObject({ code: "UNAVAILABLE" });
    expect(delayMs).toBeLessThanOrEqual(longestMs);
    expect(delayMs).toBeGreaterThanOrEqual(longestMs / 2);
    // the attempt did not begin before the pause was over
    expect(at - since).toBeGreaterThanOrEqual(pausedMs + PROMPTLY_MS);
  }
  const shares = retries.map(({ delayMs }, n) => delayMs / (200 * 2 ** n));
  expect(new Set(shares).size).toBe(3);
  await service.stop();
});
