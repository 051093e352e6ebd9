import { startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { connect, Mutex, Session } from "../src/index.js";

it("locks over TLS, as a user whose role ends at a prefix, long after its tokens have expired", async () => {
  const user = { name: "worker", password: "secret", prefix: "inside/" };
  const server = await startEtcd({
    tls: { clientCert: true },
    auth: { users: [user], tokenTtlSeconds: 1 },
  });
  onTestFinished(() => server.stop());
  const { name: username, password } = user;
  const { credentials } = server;
  await using etcd = connect({
    hosts: server.endpoints.map((endpoint) => `https://${endpoint}`),
    ...(credentials && { credentials }),
    auth: { username, password },
  });
  // the first renewal, which opens the stream, comes when the token is gone already
  await using first = await Session.open(etcd, { ttl: 10 });
  await using second = await Session.open(etcd, { ttl: 10 });

  const held = await new Mutex(first, "inside/lock").lock();
  const waiting = new Mutex(second, "inside/lock").lock();
  const renewed = async (session: Session) => {
    let before = session.remainingMs;
    const grown = () => {
      const last = before;
      before = session.remainingMs;
      return before > last;
    };
    await eventually(grown, { withinMs: 8_000 });
  };
  await Promise.all([renewed(first), renewed(second)]);
  // the streams' token is long gone: they are opened anew with another
  await server.restart();
  await eventually(() => first.state === "connected" && second.state === "connected");
  await held.release();
  expect((await waiting).held).toBe(true);

  await expect(new Mutex(first, "outside").lock()).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
    message: expect.stringContaining("mutex outside"),
  });
}, 60_000);
