import { startEtcd } from "@etcdkit/testing";
import { eventually, sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type Connection,
  connect,
  Session,
  SessionClosedError,
  SessionExpiredError,
  type SessionState,
} from "../src/index.js";

function open(): Connection {
  const etcd = connect({ hosts: sharedEtcd().endpoints });
  onTestFinished(() => etcd.close());
  return etcd;
}

async function timeToLive(leaseId: bigint): Promise<number> {
  const left = await testClient().leaseClient.leaseTimeToLive({ ID: String(leaseId) });
  return Number(left.TTL);
}

/** Puts a key with the session's lease. */
async function put(session: Session, key: string): Promise<void> {
  const lease = String(session.leaseId);
  await testClient().kv.put({ key: Buffer.from(key), value: Buffer.from(""), lease });
}

describe("a session", () => {
  it("is a lease with the TTL asked for, revoked with all its keys by close", async () => {
    const session = await Session.open(open(), { ttl: 7 });
    expect(session.ttl).toBe(7);
    expect(session.state).toBe("connected");
    expect(await timeToLive(session.leaseId)).toBeGreaterThanOrEqual(5);
    const key = `${testPrefix()}a`;
    await put(session, key);
    await session.close();
    expect(await timeToLive(session.leaseId)).toBe(-1);
    expect(await testClient().get(key).exists()).toBe(false);
    expect(session.state).toBe("closed");
    expect(session.remainingMs).toBe(0);
    expect(session.signal.reason).toBeInstanceOf(SessionClosedError);
    await session.close();
  });

  it("has a TTL of 15 s where none is asked for", async () => {
    expect((await Session.open(open())).ttl).toBe(15);
  });

  it("is closed by `await using`, and by the end of its connection", async () => {
    const etcd = open();
    let first: Session;
    {
      await using session = await Session.open(etcd);
      first = session;
    }
    expect(first.state).toBe("closed");
    const second = await Session.open(etcd);
    await etcd.close();
    expect(second.state).toBe("closed");
    expect(await timeToLive(second.leaseId)).toBe(-1);
    await expect(Session.open(etcd)).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  });

  it("outlives its TTL many times over", async () => {
    const session = await Session.open(open(), { ttl: 2 });
    const key = `${testPrefix()}a`;
    await put(session, key);
    const until = performance.now() + 5_000;
    await eventually(
      () => {
        expect(session.state).toBe("connected");
        return performance.now() > until;
      },
      { withinMs: 10_000, everyMs: 50 },
    );
    expect(await testClient().get(key).exists()).toBe(true);
  });

  it("hears that its lease was revoked, at the next renewal", async () => {
    const session = await Session.open(open(), { ttl: 2 });
    await testClient().leaseClient.leaseRevoke({ ID: String(session.leaseId) });
    await eventually(() => session.signal.aborted);
    expect(session.signal.reason).toBeInstanceOf(SessionExpiredError);
    expect(session.signal.reason.message).toMatch(/etcd says its lease is gone/);
    expect(session.state).toBe("expired");
  });

  it("when orphaned leaves its lease to etcd, and another can adopt it", async () => {
    const session = await Session.open(open(), { ttl: 5 });
    const key = `${testPrefix()}a`;
    await put(session, key);
    session.orphan();
    expect(session.state).toBe("closed");
    expect(await testClient().get(key).exists()).toBe(true);
    const heir = await Session.open(open(), { leaseId: session.leaseId });
    expect(heir.leaseId).toBe(session.leaseId);
    expect(heir.ttl).toBe(5);
    await eventually(() => heir.remainingMs > 4_000);
    await heir.close();
    expect(await testClient().get(key).exists()).toBe(false);
  });

  it("is adopted with any margin that the TTL it was granted allows, whatever the option says", async () => {
    const session = await Session.open(open(), { ttl: 30 });
    session.orphan();
    const { leaseId } = session;
    const heir = await Session.open(open(), { leaseId, safetyMarginMs: 14_000 });
    await eventually(() => heir.remainingMs > 15_000);
    expect(heir.remainingMs).toBeLessThanOrEqual(16_000);
    await heir.close();
  });

  it("is not adopted with a margin that its TTL does not allow, and is left as it was", async () => {
    const session = await Session.open(open(), { ttl: 5 });
    session.orphan();
    const { leaseId } = session;
    const etcd = open();
    const adoption = Session.open(etcd, { leaseId, ttl: 60, safetyMarginMs: 3_000 });
    await expect(adoption).rejects.toThrow(RangeError);
    await expect(adoption).rejects.toThrow(/less than half the ttl of 5 s: 3000/);
    expect(await timeToLive(leaseId)).toBeGreaterThan(0);
    const heir = await Session.open(etcd, { leaseId, safetyMarginMs: 2_000 });
    expect(heir.state).toBe("connected");
    await heir.close();
  });

  it("cannot adopt a lease whose end is nearer than the margin", async () => {
    const { leaseClient } = testClient();
    const { ID, TTL } = await leaseClient.leaseGrant({ TTL: 3 });
    const leaseId = BigInt(ID);
    const less = async () => (await timeToLive(leaseId)) < Number(TTL) - 1;
    await eventually(less, {
      everyMs: 2,
      what: "a renewal that is missing for more than a second",
    });
    const etcd = open();
    const adoption = Session.open(etcd, { leaseId, safetyMarginMs: 1_499 });
    await expect(adoption).rejects.toThrow(SessionExpiredError);
    await expect(adoption).rejects.toThrow(/not renewed in time/);
    // nothing of it is kept, so that the next one asks etcd again
    await expect(Session.open(etcd, { leaseId, safetyMarginMs: 1_499 })).rejects.toThrow(
      SessionExpiredError,
    );
  });

  it("cannot adopt a lease that is gone, or that is open on this connection", async () => {
    const etcd = open();
    await expect(Session.open(etcd, { leaseId: 12_345n })).rejects.toThrow(SessionExpiredError);
    const session = await Session.open(etcd);
    const again = Session.open(etcd, { leaseId: session.leaseId });
    await expect(again).rejects.toMatchObject({ code: "LEASE_IN_USE" });
  });

  it("tells every change of state, and ends the telling with the last", async () => {
    const session = await Session.open(open());
    const states: SessionState[] = [];
    const told = (async () => {
      for await (const state of session.states()) states.push(state);
    })();
    await session.close();
    await told;
    expect(states).toEqual(["connected", "closed"]);
  });

  it("stops telling when the reader's signal aborts", async () => {
    const session = await Session.open(open());
    const stop = new AbortController();
    const told = (async () => {
      for await (const _ of session.states({ signal: stop.signal }));
    })();
    stop.abort();
    await told;
    expect(session.state).toBe("connected");
  });

  it("closes when the signal it was opened with aborts", async () => {
    const stop = new AbortController();
    const session = await Session.open(open(), { signal: stop.signal });
    const why = new Error("shutting down");
    stop.abort(why);
    expect(session.state).toBe("closed");
    expect(session.signal.reason).toBeInstanceOf(SessionClosedError);
    expect(session.signal.reason).toMatchObject({
      message: expect.stringContaining("the signal given to Session.open() aborted"),
      cause: why,
    });
    await eventually(async () => (await timeToLive(session.leaseId)) === -1);
  });

  it("is abandoned at once when the signal aborts while it opens, and leaves no lease", async () => {
    // its own: tests beside it open sessions too
    await using server = await startEtcd({ own: true });
    const etcd = connect({ hosts: server.endpoints });
    const leases = async () => (await server.client().leaseClient.leaseLeases()).leases;
    const stop = new AbortController();
    const opening = Session.open(etcd, { signal: stop.signal });
    stop.abort(new Error("never mind"));
    await expect(opening).rejects.toThrow("never mind");
    await eventually(async () => (await leases()).length === 0);
    await etcd.close();
  });
});
