import { openConnection } from "@etcdkit/core/internal";
import {
  connect,
  Election,
  KeyDeletedError,
  type Leadership,
  Session,
  SessionClosedError,
  SessionExpiredError,
} from "@etcdkit/election";
import { eventually, ManualClock, startEtcd, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

// A candidate that has lost its lease or its key is told at once, and never elected.

const WITHIN_MS = 1_000;

function outcomeOf(campaign: Promise<Leadership>): () => unknown {
  let outcome: unknown;
  campaign.then(
    (leadership) => {
      outcome = leadership;
    },
    (error) => {
      outcome = error;
    },
  );
  return () => outcome;
}

const losses = [
  {
    what: "lease is revoked",
    lose: async ({ leaseId }: Session, _: string) => {
      await testClient().leaseClient.leaseRevoke({ ID: `${leaseId}` });
    },
    reason: SessionExpiredError,
    sessionLives: false,
  },
  {
    what: "key is deleted",
    lose: async (_: Session, key: string) => {
      await testClient().delete().key(key);
    },
    reason: KeyDeletedError,
    sessionLives: true,
  },
];
const table = losses.map((loss) => [loss.what, loss] as const);

test.for(table)("a candidate whose %s while it waits hears of it", async ([, loss]) => {
  const name = `${testPrefix()}election`;
  const leadership = await new Election(await openSession(), name).campaign("leader");
  const [session, behind] = [await openSession(), await openSession()];
  const election = new Election(session, name);
  const outcome = outcomeOf(election.campaign("candidate"));
  const [, { key } = { key: "" }] = await inLine(election, 2);
  const next = new Election(behind, name).campaign("next");
  await inLine(election, 3);
  await loss.lose(session, key);
  await eventually(outcome, { withinMs: WITHIN_MS, what: "the rejection" });
  expect(outcome()).toBeInstanceOf(loss.reason);
  expect(session.signal.aborted).toBe(!loss.sessionLives);
  // it is over for good: who was behind it leads next
  await leadership.resign();
  expect((await next).held).toBe(true);
  expect(`${(await new Election(behind, name).leader())?.value}`).toBe("next");
});

test("a candidate whose session ends while its resignation is under way, which etcd does not answer, hears of it at once", async () => {
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const session = await openSession({ hosts: proxy.endpoint });
  const election = new Election(session, `${testPrefix()}election`);
  const leadership = await election.campaign("before");
  proxy.stall();
  const resigning = leadership.resign();
  const outcome = outcomeOf(election.campaign("again"));
  const closing = session.close();
  // an attempt that is not answered takes most of a second
  await new Promise((next) => setImmediate(next));
  expect(outcome()).toBeInstanceOf(SessionClosedError);
  proxy.resume();
  await Promise.all([resigning, closing]);
});

test.for(table)("a leader whose %s hears of it, and the next one leads", async ([, loss]) => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const leadership = await new Election(session, name).campaign("leader");
  const next = new Election(await openSession(), name).campaign("next");
  await inLine(new Election(session, name), 2);
  await loss.lose(session, leadership.key);
  await eventually(() => leadership.signal.aborted, { withinMs: WITHIN_MS, what: "the signal" });
  expect(leadership.signal.reason).toBeInstanceOf(loss.reason);
  expect(leadership.held).toBe(false);
  expect((await next).held).toBe(true);
  await leadership.resign();
});

test("a candidate that stood still until its session was lost is not elected by the event it finds then", async () => {
  const name = `${testPrefix()}election`;
  const leadership = await new Election(await openSession(), name).campaign("leader");
  const clock = new ManualClock();
  const etcd = openConnection({ hosts: sharedEtcd().endpoints }, clock);
  onTestFinished(() => etcd.close());
  const session = await Session.open(etcd, { ttl: 60 });
  const election = new Election(session, name);
  const outcome = outcomeOf(election.campaign("candidate"));
  await inLine(election, 2);
  // follows the line by now: the candidate hears of the resignation from it, before any timer runs
  clock.jump(55_000);
  await leadership.resign();
  await eventually(outcome, { what: "the end of the campaign" });
  expect(outcome()).toBeInstanceOf(SessionExpiredError);
});

test("a candidate whose key was made again by another in a gap of history is not elected", async () => {
  await using server = await startEtcd({ own: true });
  await using proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  await using direct = connect({ hosts: server.endpoints });
  await using through = connect({ hosts: proxy.endpoint });
  const client = server.client();
  const leadership = await new Election(await Session.open(direct, { ttl: 60 }), "e").campaign("l");
  const session = await Session.open(through, { ttl: 60 });
  const election = new Election(session, "e");
  const outcome = outcomeOf(election.campaign("candidate"));
  const [, { key } = { key: "" }] = await inLine(election, 2);

  await proxy.cut();
  await client.delete().key(key);
  // an impostor with our very lease
  await client.put(key).value("impostor").lease(`${session.leaseId}`);
  await leadership.resign();
  const { header } = await client.put("beside").value("");
  await client.kv.compact({ revision: header.revision });
  await proxy.restore();
  await eventually(outcome, { what: "the end of the campaign" });
  expect(outcome()).toBeInstanceOf(KeyDeletedError);
  expect(`${(await election.leader())?.value}`).toBe("impostor");
});
