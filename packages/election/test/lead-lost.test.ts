import { Election, KeyDeletedError, type Leadership, SessionExpiredError } from "@etcdkit/election";
import { eventually } from "@etcdkit/testing";
import { testClient } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import { leading, open, untilTold, why } from "./leading.js";
import { openSession } from "./open-session.js";

// Deposed by an operator: however its work comes to know, the leader steps down, and campaigns again.

test("deposed by an operator, it ends its work, and campaigns again with a new session", async () => {
  const sessions: string[] = [];
  const reasons: unknown[] = [];
  const service = leading(open(), {}, async (leadership) => {
    sessions.push(leadership.key);
    await untilTold(leadership);
    reasons.push(leadership.signal.reason);
    expect(leadership.held).toBe(false);
    // as a cancelled request of a client would
    throw leadership.signal.reason;
  });
  const { name, story } = service;
  await eventually(() => sessions.length === 1);
  await testClient()
    .delete()
    .key(sessions[0] ?? "");
  await eventually(() => sessions.length === 2);
  expect(reasons[0]).toBeInstanceOf(KeyDeletedError);
  const { connection } = await openSession();
  const [leader] = await inLine(Election.observer(connection, name), 1);
  await testClient().leaseClient.leaseRevoke({ ID: `${leader?.leaseId}` });
  await eventually(() => sessions.length === 3);
  expect(reasons[1]).toBeInstanceOf(SessionExpiredError);
  await service.stop();
  expect(new Set(sessions).size).toBe(3);
  const lost = ["started", "stopped: lost", "retrying"];
  expect(story()).toEqual([...lost, ...lost, "started", "stopped: ended"]);
  expect(reasons[2]).toBe(why);
});

// what takes a leadership away, and what its signal tells then
const takings = [
  {
    what: "its key is deleted",
    take: async ({ key }: Leadership) => void (await testClient().delete().key(key)),
    reason: KeyDeletedError,
  },
  {
    what: "its lease is revoked",
    take: async ({ key }: Leadership) => {
      const leaseId = BigInt(`0x${key.split("/").at(-1)}`);
      await testClient().leaseClient.leaseRevoke({ ID: `${leaseId}` });
    },
    reason: SessionExpiredError,
  },
];

// The work may hear of it before the signal can say why: etcd is asked whether the lease is still there.
type Take = () => Promise<void>;
const looks = async (leadership: Leadership, take: Take, look: () => unknown) => {
  void take();
  while (leadership.held || look()) await new Promise((next) => setImmediate(next));
};
const noticings = [
  {
    how: "a proclamation",
    notice: async (leadership: Leadership, take: Take) => {
      await take();
      await leadership.proclaim("too late");
    },
  },
  {
    how: "guard()",
    notice: (leadership: Leadership, take: Take) =>
      looks(leadership, take, () => leadership.guard()),
  },
  {
    how: "guard(), and resigns",
    notice: (leadership: Leadership, take: Take) =>
      looks(leadership, take, () => leadership.guard()).finally(() => leadership.resign()),
  },
  {
    how: "held, and returns",
    notice: (leadership: Leadership, take: Take) => looks(leadership, take, () => false),
  },
];

test.for(
  takings.flatMap((taking) =>
    noticings.map((noticing) => [taking.what, noticing.how, taking, noticing] as const),
  ),
)(
  "%s, and its work notices by %s: lost, and it campaigns again",
  async ([, , taking, noticing]) => {
    const reasons: unknown[] = [];
    let terms = 0;
    const service = leading(open(), {}, async (leadership) => {
      leadership.signal.addEventListener("abort", () => reasons.push(leadership.signal.reason));
      if (++terms > 1) return untilTold(leadership);
      await noticing.notice(leadership, () => taking.take(leadership));
    });
    await eventually(() => terms === 2, { what: "the second term" });
    await service.stop();
    expect(service.story()).toEqual([
      "started",
      "stopped: lost",
      "retrying",
      "started",
      "stopped: ended",
    ]);
    expect(reasons[0]).toBeInstanceOf(taking.reason);
  },
);
