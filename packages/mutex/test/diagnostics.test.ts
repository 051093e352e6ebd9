import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { KeyDeletedError, Mutex, SessionClosedError } from "@etcdkit/mutex";
import { eventually, startEtcd, startProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { counted } from "./counted.js";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

/** What is published on this channel from now on, as one who knows only its name sees it. */
function listen(channel: string): Record<string, unknown>[] {
  const messages: Record<string, unknown>[] = [];
  const note = (message: unknown) => void messages.push(message as Record<string, unknown>);
  subscribe(channel, note);
  onTestFinished(() => void unsubscribe(channel, note));
  return messages;
}

test("acquired tells how long it took, released how long it was held", async () => {
  const name = `${testPrefix()}lock`;
  const [acquired, released] = [listen("etcdkit:lock:acquired"), listen("etcdkit:lock:released")];
  const lost = listen("etcdkit:lock:lost");
  const [m1, m2] = [new Mutex(await openSession(), name), new Mutex(await openSession(), name)];
  const first = await m1.lock();
  const { key, fencingToken } = first;
  expect(acquired).toEqual([{ name, key, fencingToken, waitMs: expect.any(Number) }]);

  const start = performance.now();
  const waiting = m2.lock();
  await inLine(m1, 2);
  const waitedAtLeast = performance.now() - start;
  expect(await m2.tryLock()).toBeUndefined();
  expect(acquired).toHaveLength(1);
  expect(released).toEqual([]);
  await first.release();
  const second = await waiting;
  const elapsed = performance.now() - start;

  expect(released).toEqual([{ name, key, fencingToken, heldMs: expect.any(Number) }]);
  expect(released[0]?.heldMs).toBeGreaterThanOrEqual(waitedAtLeast);
  expect(acquired).toHaveLength(2);
  expect(acquired[1]).toMatchObject({ key: second.key, fencingToken: second.fencingToken });
  expect(acquired[1]?.waitMs).toBeGreaterThanOrEqual(waitedAtLeast);
  expect(acquired[1]?.waitMs).toBeLessThanOrEqual(elapsed);

  // once each
  await first.release();
  await Promise.all([second.release(), second.release()]);
  expect(released).toHaveLength(2);
  expect(lost).toEqual([]);
});

test("locks that were taken in one transaction are told of one by one", async () => {
  // its own: its transactions are counted
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const names = Array.from({ length: 20 }, (_, n) => `lock/${n}`);
  const [acquired, released] = [listen("etcdkit:lock:acquired"), listen("etcdkit:lock:released")];
  const session = await openSession({ hosts: server.endpoints });
  const transactions = () => counted(server, "started", "Txn");
  const before = await transactions();
  const locks = await Promise.all(names.map((name) => new Mutex(session, name).lock()));
  expect((await transactions()) - before).toBe(1);
  const told = locks.map(({ key, fencingToken }, n) => ({ name: names[n], key, fencingToken }));
  expect(new Set(locks.map(({ key }) => key)).size).toBe(20);
  expect(acquired).toEqual(told.map((one) => ({ ...one, waitMs: expect.any(Number) })));
  await Promise.all(locks.map((lock) => lock.release()));
  expect(released).toEqual(told.map((one) => ({ ...one, heldMs: expect.any(Number) })));
});

test("lost tells why, and is no release", async () => {
  const name = `${testPrefix()}lock`;
  const [lost, released] = [listen("etcdkit:lock:lost"), listen("etcdkit:lock:released")];
  const session = await openSession();
  const byOperator = await new Mutex(session, name).lock();
  await testClient().delete().key(byOperator.key);
  await eventually(() => byOperator.signal.aborted);
  const bySession = await new Mutex(session, name).lock();
  await session.close();
  const told = ({ key, fencingToken }: typeof bySession) => ({ name, key, fencingToken });
  const heldMs = expect.any(Number);
  expect(lost).toEqual([
    { ...told(byOperator), heldMs, reason: expect.any(KeyDeletedError) },
    { ...told(bySession), heldMs, reason: expect.any(SessionClosedError) },
  ]);
  expect(lost.map(({ reason }) => reason)).toEqual([
    byOperator.signal.reason,
    bySession.signal.reason,
  ]);
  await byOperator.release();
  await bySession.release();
  expect(released).toEqual([]);
});

test("a session tells each change of its state", async () => {
  const [target = ""] = sharedEtcd().endpoints;
  await using proxy = await startProxy({ target });
  const session = await openSession({ hosts: proxy.endpoint, ttl: 3 });
  const changes = listen("etcdkit:session:state");
  const { leaseId } = session;
  proxy.stall();
  await eventually(() => session.state === "suspended");
  expect(changes).toEqual([{ leaseId, from: "connected", to: "suspended", reason: undefined }]);
  proxy.resume();
  await eventually(() => session.state === "connected");
  await session.close();
  expect(changes.slice(1)).toEqual([
    { leaseId, from: "suspended", to: "connected", reason: undefined },
    { leaseId, from: "connected", to: "closed", reason: session.signal.reason },
  ]);

  const revoked = await openSession({ ttl: 3 });
  await testClient().leaseClient.leaseRevoke({ ID: `${revoked.leaseId}` });
  await eventually(() => revoked.signal.aborted);
  expect(changes.at(-1)).toEqual({
    leaseId: revoked.leaseId,
    from: "connected",
    to: "expired",
    reason: revoked.signal.reason,
  });
});
