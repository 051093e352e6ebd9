import { openConnection } from "@etcdkit/core/internal";
import { keepAliveRequest } from "@etcdkit/test-support/keep-alive-request";
import { ManualClock, startProxy, type TcpProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { Session, SessionExpiredError, type SessionState } from "../src/index.js";

// The clock of the session is turned by hand, the etcd behind it is real: a TTL of an hour, so that etcd's own clock plays no part.
const TTL = 3_600;
const TTL_MS = TTL * 1_000;
const MARGIN_MS = TTL_MS / 10;

let clock: ManualClock;
let proxy: TcpProxy;
let session: Session;
/** All that went to etcd. */
let sent: Buffer[];

beforeEach(async () => {
  clock = new ManualClock(1_000_000);
  sent = [];
  proxy = await startProxy({
    target: sharedEtcd().endpoints[0] ?? "",
    onData: (chunk, direction) => {
      if (direction === "up") sent.push(chunk);
    },
  });
  const etcd = openConnection({ hosts: proxy.endpoint }, clock);
  onTestFinished(async () => {
    proxy.resume();
    proxy.delay(0);
    await session.close();
    await etcd.close();
    await proxy.close();
  });
  session = await Session.open(etcd, { ttl: TTL });
});

/** Turns the clock to the next renewal, and waits for etcd's answer. */
async function renewed(one = session): Promise<void> {
  clock.advance(2_000); // the look whether the renewal before went unanswered
  const before = one.remainingMs;
  const due = (clock.nextAt ?? 0) - clock.now();
  clock.advance(due);
  await eventually(() => expect(one.remainingMs).toBeGreaterThan(before - due));
}

/** Lets no reply through any more. */
function silence(): void {
  proxy.stall({ direction: "down" });
}

describe("the deadline of a session", () => {
  it("counts from when the grant was sent, minus the margin", () => {
    expect(session.ttl).toBe(TTL);
    expect(session.remainingMs).toBe(TTL_MS - MARGIN_MS);
    clock.jump(1_234);
    expect(session.remainingMs).toBe(TTL_MS - MARGIN_MS - 1_234);
  });

  it("moves with every renewal, and renewals are a third of the TTL apart", async () => {
    await renewed(); // the first comes earlier, spread at random
    const first = clock.now();
    expect(first - 1_000_000).toBeGreaterThanOrEqual(TTL_MS / 6);
    expect(first - 1_000_000).toBeLessThanOrEqual(TTL_MS / 3);
    expect(session.remainingMs).toBe(TTL_MS - MARGIN_MS);
    for (let n = 1; n <= 10; n++) {
      await renewed();
      expect(clock.now() - first).toBeCloseTo((n * TTL_MS) / 3, -2);
      expect(session.remainingMs).toBe(TTL_MS - MARGIN_MS);
    }
    expect(session.state).toBe("connected");
  });

  it("counts a renewal from its sending, however late the answer", async () => {
    await renewed();
    silence();
    clock.advance(TTL_MS / 3);
    clock.jump(1_000);
    proxy.resume();
    await eventually(() => expect(session.remainingMs).toBe(TTL_MS - MARGIN_MS - 1_000));
  });

  it("loses the session at that time, and not before", async () => {
    await renewed();
    silence();
    const left = session.remainingMs;
    clock.advance(left - 1);
    expect(session.signal.aborted).toBe(false);
    expect(session.state).toBe("suspended");
    clock.advance(21); // timers are at most a tick late
    expect(session.signal.aborted).toBe(true);
    expect(session.signal.reason).toBeInstanceOf(SessionExpiredError);
    expect(session.state).toBe("expired");
    expect(session.remainingMs).toBe(0);
  });

  it("is far again when an answer comes at the last moment, and nothing is lost", async () => {
    await renewed();
    silence();
    clock.advance(TTL_MS / 3);
    clock.advance(1_520);
    clock.jump(session.remainingMs - 50);
    expect(session.remainingMs).toBe(50);
    expect(session.state).toBe("suspended");
    proxy.resume();
    await eventually(() => expect(session.state).toBe("connected"));
    expect(session.remainingMs).toBeGreaterThan(TTL_MS / 6);
    expect(session.signal.aborted).toBe(false);
    await renewed();
  });

  it("is read at every look, though no timer has run since a stall", () => {
    clock.jump(TTL_MS - MARGIN_MS - 1);
    expect(session.state).toBe("connected");
    clock.jump(1);
    expect(session.signal.aborted).toBe(false);
    expect(session.state).toBe("expired");
    expect(session.signal.aborted).toBe(true);
  });

  it("does not come back when an answer arrives after it", async () => {
    await renewed();
    silence();
    clock.advance(TTL_MS / 3);
    const received = proxy.bytes.down;
    clock.jump(TTL_MS);
    proxy.resume();
    await eventually(() => expect(proxy.bytes.down).toBeGreaterThan(received));
    expect(session.state).toBe("expired");
    expect(session.remainingMs).toBe(0);
  });

  it("takes the margin it was given", async () => {
    await using etcd = openConnection({ hosts: sharedEtcd().endpoints }, clock);
    await using other = await Session.open(etcd, { ttl: 100, safetyMarginMs: 7_000 });
    expect(other.remainingMs).toBe(93_000);
  });
});

it("a session that is orphaned is not renewed any more, though another one on its connection is", async () => {
  const renewals = ({ leaseId }: Session) =>
    sent.filter((chunk) => chunk.includes(keepAliveRequest(leaseId))).length;
  await renewed();
  expect(renewals(session)).toBe(1);
  session.orphan();
  const other = await Session.open(session.connection, { ttl: TTL });
  const until = clock.now() + 2 * TTL_MS;
  while (clock.now() < until) await renewed(other);
  expect(renewals(other)).toBeGreaterThanOrEqual(6);
  expect(renewals(session)).toBe(1);
  await other.close();
});

describe("a session whose renewals go unanswered", () => {
  it("is suspended after 1.5 s, and connected again with an answer", async () => {
    await renewed();
    const states: SessionState[] = [];
    void (async () => {
      for await (const state of session.states()) states.push(state);
    })();
    silence();
    clock.advance(TTL_MS / 3);
    clock.advance(1_490);
    expect(session.state).toBe("connected");
    clock.advance(30);
    expect(session.state).toBe("suspended");
    proxy.resume();
    await eventually(() => {
      clock.advance(50);
      return session.state === "connected";
    });
    expect(states).toEqual(["connected", "suspended", "connected"]);
  });

  it("is renewed over another connection, where it is that one which is dead, and not its only member", async () => {
    await renewed();
    const request = keepAliveRequest(session.leaseId);
    const dead = proxy.breakAfter({ match: (chunk) => chunk.includes(request), how: "mute" });
    clock.advance(TTL_MS / 3);
    await dead;
    clock.advance(1_520);
    expect(session.state).toBe("suspended");
    await eventually(() => session.state === "connected");
  });

  it("is not suspended by a stall of its own process, when the answer was there all along", async () => {
    await renewed();
    const states: SessionState[] = [];
    void (async () => {
      for await (const state of session.states()) states.push(state);
    })();
    const left = session.remainingMs;
    clock.advance(TTL_MS / 3);
    clock.jump(60_000); // the answer lies in the socket, unread
    clock.advance(0);
    await eventually(() => expect(session.remainingMs).toBeGreaterThan(left - TTL_MS / 3));
    expect(states).toEqual(["connected"]);
  });
});
