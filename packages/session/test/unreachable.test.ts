import { expect, it, onTestFinished } from "vitest";
import { CoordinationError, connect, Session } from "../src/index.js";

it("a session that cannot be opened says so after 10 s or so, and why", async () => {
  const etcd = connect({ hosts: "127.0.0.1:1" });
  onTestFinished(() => etcd.close());
  const started = performance.now();
  const error = await Session.open(etcd).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CoordinationError);
  const why = expect.stringContaining("ECONNREFUSED 127.0.0.1:1");
  expect(error).toMatchObject({ code: "UNAVAILABLE", message: why, cause: { message: why } });
  expect(performance.now() - started).toBeLessThan(13_000);
});
