import {
  connect,
  Election,
  KeyDeletedError,
  NotLeaderError,
  Session,
  SessionExpiredError,
} from "@etcdkit/election";
import { eventually, startEtcd, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { observing } from "./observing.js";
import { openSession } from "./open-session.js";

test("proclamations made at once are written in the order they were asked for", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const { sees, values } = observing(election);
  await sees(1);
  const leadership = await election.campaign("0");
  const texts = Array.from({ length: 30 }, (_, n) => `${n + 1}`);
  await Promise.all(texts.map((text) => leadership.proclaim(text)));
  await sees(32);
  expect(values()).toEqual(["-", "0", ...texts]);
});

test("the same value proclaimed once more is told once more", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("one");
  const { sees, values } = observing(election);
  await sees(1);
  await leadership.proclaim("one");
  // campaigning with it is no news
  await election.campaign("one");
  await leadership.proclaim("two");
  await sees(3);
  expect(values()).toEqual(["one", "one", "two"]);
});

test("a reply that is lost: the proclamation is written once, and undoes no later one", async () => {
  const name = `${testPrefix()}election`;
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  // closed after the connection that goes through it
  onTestFinished(() => proxy.close());
  const election = new Election(await openSession({ hosts: proxy.endpoint, ttl: 10 }), name);
  const leadership = await election.campaign("zero");
  const { sees, values } = observing(new Election(await openSession(), name));
  await sees(1);
  const muted = proxy.breakAfter({ match: (bytes) => bytes.includes("lost-reply"), how: "mute" });
  const first = leadership.proclaim("lost-reply");
  const second = leadership.proclaim("later");
  await muted;
  await sees(2);
  proxy.reset();
  await Promise.all([first, second]);
  await sees(3);
  expect(values()).toEqual(["zero", "lost-reply", "later"]);
  expect(`${leadership.value}`).toBe("later");
});

test("a leader proclaims over what a stranger wrote on its key", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const election = new Election(session, name);
  const leadership = await election.campaign("one");
  await testClient().put(leadership.key).value("graffiti").lease(`${session.leaseId}`);
  await leadership.proclaim("two");
  expect(`${(await election.leader())?.value}`).toBe("two");
  expect(leadership.held).toBe(true);
});

test("a leader proclaims what a stranger wrote on its key already, and has the key go with its lease again", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const election = new Election(session, name);
  const leadership = await election.campaign("one");
  await testClient().put(leadership.key).value("two");
  expect((await election.leader())?.leaseId).toBe(0n);
  await leadership.proclaim("two");
  expect((await election.leader())?.leaseId).toBe(session.leaseId);
  await session.close();
  expect(await testClient().get(leadership.key).string()).toBeNull();
});

test("whoever has lost its key proclaims nothing, and knows by that", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("one");
  await testClient().delete().key(leadership.key);
  await testClient().put(leadership.key).value("impostor");
  const error = await leadership.proclaim("two").catch((thrown) => thrown);
  expect(error).toBeInstanceOf(NotLeaderError);
  expect(error.cause).toBeInstanceOf(KeyDeletedError);
  expect(leadership.held).toBe(false);
  expect(`${(await election.leader())?.value}`).toBe("impostor");
  await eventually(() => leadership.signal.aborted);
  await testClient().delete().key(leadership.key);
});

test("whoever proclaims while etcd is asked why its key is gone is told why", async () => {
  const session = await openSession();
  const leadership = await new Election(session, `${testPrefix()}election`).campaign("one");
  const revoked = testClient().leaseClient.leaseRevoke({ ID: `${session.leaseId}` });
  while (leadership.held) await new Promise((next) => setImmediate(next));
  expect(leadership.signal.aborted).toBe(false);
  const error = await leadership.proclaim("two").catch((thrown) => thrown);
  expect(error).toBeInstanceOf(NotLeaderError);
  expect(error.cause).toBeInstanceOf(SessionExpiredError);
  await revoked;
});

test("whoever has lost its session proclaims nothing", async () => {
  const name = `${testPrefix()}election`;
  const session = await openSession();
  const leadership = await new Election(session, name).campaign("one");
  await testClient().leaseClient.leaseRevoke({ ID: `${session.leaseId}` });
  const error = await leadership.proclaim("two").catch((thrown) => thrown);
  expect(error).toBeInstanceOf(NotLeaderError);
  expect(error.cause).toBeInstanceOf(SessionExpiredError);
  expect(leadership.signal.reason).toBe(error.cause);
  const later = await leadership.proclaim("two").catch((thrown) => thrown);
  expect(later).toBeInstanceOf(NotLeaderError);
  expect(later.cause).toBeInstanceOf(SessionExpiredError);
  await leadership.resign();
});

test("a proclamation that etcd does not answer ends with its signal, or with the session", async () => {
  const name = `${testPrefix()}election`;
  await using proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  const session = await openSession({ hosts: proxy.endpoint, ttl: 2 });
  const leadership = await new Election(session, name).campaign("one");
  const enough = new Error("enough");
  const stop = new AbortController();
  proxy.stall({ discard: true });
  const first = leadership.proclaim("two", { signal: stop.signal });
  const second = leadership.proclaim("three");
  stop.abort(enough);
  await expect(first).rejects.toBe(enough);
  await expect(second).rejects.toBeInstanceOf(NotLeaderError);
  expect(leadership.signal.reason).toBeInstanceOf(SessionExpiredError);
  proxy.resume();
});

test("a value that etcd refuses costs nothing but its own call", async () => {
  const name = `${testPrefix()}election`;
  const election = new Election(await openSession(), name);
  const leadership = await election.campaign("one");
  const huge = Buffer.alloc(2_000_000, "x");
  await expect(leadership.proclaim(huge)).rejects.toMatchObject({ code: "REFUSED" });
  await expect(election.campaign(huge)).rejects.toMatchObject({ code: "REFUSED" });
  expect(leadership.held).toBe(true);
  await leadership.proclaim("two");
  expect(`${(await election.leader())?.value}`).toBe("two");
});

test("a resignation that etcd refuses says so, and can be tried again", async () => {
  const user = { name: "worker", password: "secret", prefix: "inside/" };
  await using server = await startEtcd({ own: true, auth: { users: [user] } });
  const root = server.client();
  const auth = { username: user.name, password: user.password };
  await using etcd = connect({ hosts: server.endpoints, auth });
  await using session = await Session.open(etcd, { ttl: 30 });
  const election = new Election(session, "inside/election");
  const leadership = await election.campaign("one");

  const { range } = (await root.role(user.name).permissions())[0] ?? {};
  if (!range) throw new Error("the role has a permission");
  await root.role(user.name).revoke({ permission: "Readwrite", range });
  await expect(leadership.resign()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  // release, as `await using` has it, does not throw
  await leadership.release();
  expect(leadership.held).toBe(false);
  expect(await root.get(leadership.key).string()).toBe("one");

  await root.role(user.name).grant({ permission: "Readwrite", range });
  await leadership.resign();
  expect(await root.get(leadership.key).string()).toBeNull();
  const again = await election.campaign("two");
  expect(again.key).toBe(leadership.key);
  // the former one is over: it takes nothing from its successor
  await leadership.resign();
  expect(again.held).toBe(true);
  expect(await root.get(again.key).string()).toBe("two");
});
