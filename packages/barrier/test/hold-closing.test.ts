import { Barrier } from "@etcdkit/barrier";
import { openConnection } from "@etcdkit/core/internal";
import { eventually, ManualClock, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { puts } from "./late.js";
import { loseAnswer } from "./lost-answer.js";
import { openSession } from "./open.js";
import { type Outcome, outcomeOf } from "./outcome.js";

// A hold has failed, and its key may be there: it is taken back as long as the session lives, which may be of another connection. The
// one that cannot reach etcd closes all the same.

const TTL = 60;

async function failedHold() {
  const name = `${testPrefix()}barrier`;
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const clock = new ManualClock();
  const etcd = openConnection({ hosts: proxy.endpoint }, clock);
  const session = await openSession({ ttl: TTL });
  /** Turns the clock until it is known what becomes of `outcome`. */
  const until = async (outcome: Outcome) => {
    await eventually(() => {
      clock.advance(100);
      return outcome.now !== "pending";
    });
    return outcome.now;
  };
  const lost = loseAnswer(etcd, puts(name));
  const holding = outcomeOf(new Barrier(etcd, name).hold({ session }));
  await eventually(() => lost.carriedOut);
  await proxy.cut();
  lost.giveUp();
  expect(await until(holding)).toMatchObject({ code: "UNAVAILABLE" });
  const isThere = () => testClient().get(name).exists();
  return { proxy, clock, etcd, session, until, isThere };
}

test("out of reach: it closes when the session's lease would have ended, had nobody renewed it", async () => {
  const { clock, etcd, session, until, isThere } = await failedHold();
  const closing = outcomeOf(etcd.close());
  clock.advance(TTL * 1_000);
  expect(await until(closing)).toBe("done");
  expect([session.state, await isThere()]).toEqual(["connected", true]);
});

test("in reach again before that: it closes when the key is gone", async () => {
  const { proxy, clock, etcd, session, until, isThere } = await failedHold();
  const closing = outcomeOf(etcd.close());
  clock.advance(TTL * 500);
  await proxy.restore();
  expect(await until(closing)).toBe("done");
  expect([session.state, await isThere()]).toEqual(["connected", false]);
});
