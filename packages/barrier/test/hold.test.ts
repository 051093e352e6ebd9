import { Barrier, type Connection, Session } from "@etcdkit/barrier";
import { internals } from "@etcdkit/core/internal";
import { eventually, startEtcd, startProxy, type TcpProxy } from "@etcdkit/testing";
import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { deletes, puts, withholdTxn } from "./late.js";
import { openConnection, openSession } from "./open.js";
import { outcomeOf } from "./outcome.js";
import { waitingAt } from "./waiting-at.js";

// A hold whose requests or answers get lost.

interface Scene {
  name: string;
  proxy: TcpProxy;
  etcd: Connection;
  /** With or without a session, behind the proxy. */
  hold(barrier: Barrier): Promise<void>;
}

async function scene(
  kind: "unleased" | "leased" | "leased by a session of another namespace",
): Promise<Scene> {
  const [target = ""] = sharedEtcd().endpoints;
  const proxy = await startProxy({ target });
  onTestFinished(() => proxy.close());
  const etcd = openConnection({ hosts: [proxy.endpoint] });
  const other = kind.endsWith("namespace") ? openConnection({ namespace: "other/" }) : etcd;
  const session = kind === "unleased" ? undefined : await Session.open(other, { ttl: 20 });
  const hold = (barrier: Barrier) => barrier.hold(session && { session, onHolderLost: "fail" });
  return { name: `${testPrefix()}barrier`, proxy, etcd, hold };
}

const kinds = [["unleased"], ["leased"]] as const;

test.for(kinds)("%s: a lost answer does not make our own hold another's", async ([kind]) => {
  const { name, proxy, etcd, hold } = await scene(kind);
  const lost = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "reset" });
  const barrier = new Barrier(etcd, name);
  await hold(barrier);
  await lost;
  const { kvs } = await testClient().get(name).exec();
  expect(kvs).toHaveLength(1);
  await expect(barrier.hold()).rejects.toMatchObject({ code: "ALREADY_HELD" });
  await barrier.release();
  expect(await testClient().get(name).string()).toBeNull();
});

test.for(kinds)("%s: a lost answer to the release", async ([kind]) => {
  const { name, proxy, etcd, hold } = await scene(kind);
  const barrier = new Barrier(etcd, name);
  await hold(barrier);
  const lost = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "reset" });
  await barrier.release();
  await lost;
  expect(await testClient().get(name).string()).toBeNull();
});

test.for(kinds)(
  "%s: released before the call is done, it is released when it is",
  async ([kind]) => {
    const { name, etcd, hold } = await scene(kind);
    const barrier = new Barrier(etcd, name);
    // as an object that has held before, too
    for (let round = 1; round <= 2; round++) {
      const refused = round === 2 && barrier.hold();
      const holding = hold(barrier);
      const released = barrier.release();
      await Promise.allSettled([refused, holding]);
      await released;
      expect(await testClient().get(name).string()).toBeNull();
    }
  },
);

test("leased: a release that is under way is carried on, though the session is orphaned", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession({ ttl: 20 });
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session });
  const late = withholdTxn(session.connection, deletes);
  const released = barrier.release();
  session.orphan();
  await released;
  expect(late.withheld).toBe(true);
  expect(await testClient().get(name).string()).toBeNull();
});

test("unleased: an attempt that arrives after the release is refused", async () => {
  const name = `${testPrefix()}barrier`;
  const etcd = openConnection();
  const late = withholdTxn(etcd, puts(name));
  const barrier = new Barrier(etcd, name);
  await barrier.hold();
  expect(late.withheld).toBe(true);
  await barrier.release();
  // nobody would ever release it
  await expect(late.arrive()).rejects.toMatchObject({ kind: "lease-not-found" });
  expect(await testClient().get(name).string()).toBeNull();
});

test.for([[""], [", also when the object had held before, and its key was deleted by hand"]])(
  "leased: an attempt that arrives after the release is undone within a TTL%s",
  async ([before]) => {
    const name = `${testPrefix()}barrier`;
    const session = await openSession({ ttl: 2 });
    const barrier = new Barrier(session.connection, name);
    if (before) {
      await barrier.hold({ session });
      await testClient().delete().key(name);
    }
    const late = withholdTxn(session.connection, puts(name));
    await barrier.hold({ session });
    await barrier.release();
    expect((await late.arrive()).succeeded).toBe(true);
    const gone = async () => (await testClient().get(name).string()) === null;
    await eventually(gone, { withinMs: 3_500 });
    expect(session.state).toBe("connected");
  },
);

test("leased: an attempt that fails in doubt does not end another hold of the session, nor does the sweep", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession({ ttl: 2 });
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session });
  const late = withholdTxn(session.connection, puts(name));
  const second = new Barrier(session.connection, name).hold({ session });
  await expect(second).rejects.toMatchObject({ code: "ALREADY_HELD" });
  expect(late.withheld).toBe(true);
  const { leaseTimeToLive } = internals(session.connection).members.current;
  let sweeps = 0;
  internals(session.connection).members.current.leaseTimeToLive = async (lease, call) => {
    const answer = await leaseTimeToLive(lease, call);
    sweeps++;
    return answer;
  };
  await eventually(() => sweeps === 2, { withinMs: 6_000, what: "two sweeps" });
  expect(await testClient().get(name).string()).not.toBeNull();
  await barrier.release();
  expect((await late.arrive()).succeeded).toBe(true);
  const gone = async () => (await testClient().get(name).string()) === null;
  await eventually(gone, { withinMs: 3_500 });
});

test("leased: not while a late attempt of the session is being undone, which would take the new hold along", async () => {
  const name = `${testPrefix()}barrier`;
  const session = await openSession({ ttl: 2 });
  const late = withholdTxn(session.connection, puts(name));
  const barrier = new Barrier(session.connection, name);
  await barrier.hold({ session });
  await barrier.release();
  const { current: member } = internals(session.connection).members;
  const range = member.range.bind(member);
  let undone = false;
  let look = () => {};
  const later = new Promise<void>((resolve) => {
    look = resolve;
  });
  member.range = async (request, call) => {
    undone ||= request.key.toString() === name;
    if (undone) await later;
    return await range(request, call);
  };
  expect((await late.arrive()).succeeded).toBe(true);
  await eventually(() => undone, { what: "the sweep" });
  await testClient().delete().key(name);
  await expect(barrier.hold({ session })).rejects.toMatchObject({ code: "ALREADY_HELD" });
  look();
  await eventually(() =>
    barrier.hold({ session }).then(
      () => true,
      () => false,
    ),
  );
  expect(await testClient().get(name).string()).not.toBeNull();
});

test.for([[undefined], ["other/"]])(
  "leased, by a session of another connection, whose namespace is %s: it is held where the barrier is",
  async ([namespace]) => {
    const name = `${testPrefix()}barrier`;
    const etcd = openConnection();
    const session = await openSession(namespace === undefined ? {} : { namespace });
    const barrier = new Barrier(etcd, name);
    await barrier.hold({ session });
    await barrier.release();
    expect(await testClient().get(name).string()).toBeNull();
    await barrier.hold({ session });
    const waiting = outcomeOf(new Barrier(etcd, name).wait());
    await waitingAt(etcd, name, 1);
    expect(waiting.now).toBe("pending");
    await session.close();
    expect(await waiting.settled).toBe("done");
    await expect(barrier.hold({ session })).rejects.toMatchObject({ code: "SESSION_CLOSED" });
  },
);

test("leased, by a session of another etcd: refused, and the session lives on", async () => {
  const other = await startEtcd({ own: true });
  onTestFinished(() => other.stop());
  const name = `${testPrefix()}barrier`;
  const session = await openSession({ hosts: other.endpoints });
  const barrier = new Barrier(openConnection(), name);
  await expect(barrier.hold({ session })).rejects.toMatchObject({ code: "REFUSED" });
  expect(session.state).toBe("connected");
  expect(await other.client().get(name).string()).toBeNull();
  await other.client().leaseClient.leaseRevoke({ ID: `${session.leaseId}` });
  await expect(barrier.hold({ session })).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
});

test("unleased: whoever has no session does not hear of one that ended during the grant", async () => {
  const etcd = openConnection();
  const { members, clock } = internals(etcd);
  const grant = members.current.leaseGrant.bind(members.current);
  const now = clock.now.bind(clock);
  members.current.leaseGrant = async (...request) => {
    const ttl = await grant(...request);
    // the process stood still
    clock.now = () => now() + 9_500;
    return ttl;
  };
  const holding = new Barrier(etcd, `${testPrefix()}barrier`).hold();
  await expect(holding).rejects.toMatchObject({ name: "CoordinationError", code: "UNAVAILABLE" });
});

test("unleased: a key that is gone before it stands without a lease is no hold", async () => {
  const name = `${testPrefix()}barrier`;
  const etcd = openConnection();
  const member = internals(etcd).members.current;
  const send = member.txn.bind(member);
  member.txn = async (txn, call) => {
    const answer = await send(txn, call);
    if (puts(name)(txn)) {
      member.txn = send;
      // with the lease it begins on
      const { kvs } = await testClient().get(name).exec();
      await testClient().leaseClient.leaseRevoke({ ID: `${kvs[0]?.lease}` });
    }
    return answer;
  };
  const barrier = new Barrier(etcd, name);
  await expect(barrier.hold()).rejects.toMatchObject({ code: "KEY_DELETED" });
  await barrier.hold();
  expect(await testClient().get(name).exists()).toBe(true);
});

test("unreachable, it fails in time and leaves nothing", async () => {
  const fail = async (kind: Parameters<typeof scene>[0]) => {
    const { name, proxy, etcd, hold } = await scene(kind);
    const cut = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "cut" });
    const holding = outcomeOf(hold(new Barrier(etcd, name)));
    await cut;
    expect(await holding.settled).toMatchObject({ code: "UNAVAILABLE" });
    await proxy.restore();
    const gone = async () => (await testClient().get(name).string()) === null;
    await eventually(gone, { withinMs: 15_000 });
  };
  await Promise.all([
    ...kinds.map(([kind]) => fail(kind)),
    fail("leased by a session of another namespace"),
  ]);
}, 40_000);
