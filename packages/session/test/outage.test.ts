import { setTimeout as sleep } from "node:timers/promises";
import { type EtcdServer, startEtcd, startProxy, type TcpProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { describe, it } from "vitest";
import { connect, Session, SessionExpiredError, type SessionState } from "../src/index.js";

const MARGIN_MS = 300;

interface Outage {
  begin(server: EtcdServer, proxy: TcpProxy): unknown;
  end(server: EtcdServer, proxy: TcpProxy): unknown;
  /** Whether etcd goes on meanwhile, so that it can be asked. */
  etcdRuns: boolean;
}

const outages: Record<string, Outage> = {
  "etcd frozen": {
    begin: (server) => server.pause(),
    end: (server) => server.resume(),
    etcdRuns: false,
  },
  "etcd killed": {
    begin: (server) => server.kill(),
    end: (server) => server.restart(),
    etcdRuns: false,
  },
  "etcd unreachable": {
    begin: (_, proxy) => proxy.cut(),
    end: (_, proxy) => proxy.restore(),
    etcdRuns: true,
  },
  "nothing comes through in either direction": {
    begin: (_, proxy) => proxy.stall({ discard: true }),
    end: (_, proxy) => proxy.resume(),
    etcdRuns: true,
  },
  "requests do not come through": {
    begin: (_, proxy) => proxy.stall({ direction: "up", discard: true }),
    end: (_, proxy) => proxy.resume(),
    etcdRuns: true,
  },
  "replies do not come through": {
    begin: (_, proxy) => proxy.stall({ direction: "down", discard: true }),
    end: (_, proxy) => proxy.resume(),
    etcdRuns: true,
  },
};

async function withSession(
  ttl: number,
  run: (parts: { server: EtcdServer; proxy: TcpProxy; session: Session }) => Promise<void>,
): Promise<void> {
  await using server = await startEtcd({ own: true });
  await using proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  await using etcd = connect({ hosts: proxy.endpoint });
  await using session = await Session.open(etcd, { ttl, safetyMarginMs: MARGIN_MS });
  const client = server.client();
  const put = { key: Buffer.from("held"), value: Buffer.from(""), lease: String(session.leaseId) };
  await client.kv.put(put);
  await run({ server, proxy, session });
}

const now = () => performance.now();

describe.concurrent.each(Object.entries(outages))("when %s", (_, { begin, end, etcdRuns }) => {
  it("the session is lost at its deadline, while etcd still keeps its lease", async ({
    expect,
  }) => {
    await withSession(3, async ({ server, proxy, session }) => {
      await begin(server, proxy);
      const client = server.client();
      // an answer that was under way is in by then, or never comes, and which of the two nobody can tell; from here on the
      // deadline stands still
      await sleep(100);
      const deadline = now() + session.remainingMs;
      expect(session.remainingMs).toBeGreaterThan(0);

      const lost = await new Promise<number>((resolve) => {
        session.signal.addEventListener("abort", () => resolve(now()));
      });
      const kept = etcdRuns ? await client.get("held").exists() : undefined;

      expect(lost).toBeGreaterThanOrEqual(deadline - 5);
      expect(lost).toBeLessThan(deadline + MARGIN_MS);
      if (etcdRuns) expect(kept).toBe(true);
      expect(session.signal.reason).toBeInstanceOf(SessionExpiredError);
      await end(server, proxy);
      expect(session.state).toBe("expired");
    });
  });

  it("for less than that, nothing is lost", async ({ expect }) => {
    await withSession(8, async ({ server, proxy, session }) => {
      const states: SessionState[] = [];
      void (async () => {
        for await (const state of session.states()) states.push(state);
      })();
      await begin(server, proxy);
      await eventually(() => session.state === "suspended", { everyMs: 2 });
      await end(server, proxy);
      await eventually(() => session.state === "connected");
      const { leaseClient } = server.client();
      const left = await leaseClient.leaseTimeToLive({ ID: String(session.leaseId), keys: true });
      expect(Number(left.TTL)).toBeGreaterThanOrEqual(6);
      expect(left.keys.map(String)).toEqual(["held"]);
      expect(session.signal.aborted).toBe(false);
      expect(states).not.toContain("expired");
    });
  });
});
