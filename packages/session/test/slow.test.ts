import { startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd } from "@etcdkit/testing/vitest";
import { describe, it, onTestFinished } from "vitest";
import { connect, Session } from "../src/index.js";

describe.concurrent.each([
  { ttl: 2, delayMs: 200 },
  { ttl: 3, delayMs: 300 },
  { ttl: 5, delayMs: 450 },
  { ttl: 5, delayMs: 900 },
])("with a TTL of $ttl s, and $delayMs ms each way", ({ ttl, delayMs }) => {
  it("a session whose renewals are all answered in time lives on", async ({ expect }) => {
    const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
    const etcd = connect({ hosts: proxy.endpoint });
    onTestFinished(async () => {
      proxy.delay(0);
      await etcd.close();
      await proxy.close();
    });
    const session = await Session.open(etcd, { ttl });
    proxy.delay(delayMs);
    const until = performance.now() + 3_000 * ttl;
    await eventually(() => performance.now() > until || session.signal.aborted, {
      withinMs: 4_000 * ttl,
    });
    expect(session.state).not.toBe("expired");
  });
});
