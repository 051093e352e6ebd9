import { createRequire } from "node:module";
import { sharedEtcd, testClient } from "@etcdkit/testing/vitest";
import { Etcd3 } from "etcd3";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Connection, connect, Session, type SessionOptions } from "../src/index.js";
import { leaseOf } from "../src/internal.js";

function open(): Connection {
  const etcd = connect({ hosts: sharedEtcd().endpoints });
  onTestFinished(() => etcd.close());
  return etcd;
}

describe("Session.open refuses", () => {
  it.each<[string, unknown, typeof TypeError | typeof RangeError, RegExp]>([
    ["a TTL of 1", { ttl: 1 }, RangeError, /ttl/],
    ["a TTL that is no whole number", { ttl: 2.5 }, RangeError, /ttl/],
    ["a TTL that is no number", { ttl: Number.NaN }, RangeError, /ttl/],
    ["a TTL as text", { ttl: "5" }, TypeError, /ttl/],
    ["a lease id that is a number", { leaseId: 5 }, TypeError, /leaseId/],
    ["the lease id 0", { leaseId: 0n }, RangeError, /leaseId/],
    ["a lease id beyond int64", { leaseId: 1n << 63n }, RangeError, /leaseId/],
    ["a signal that is none", { signal: {} }, TypeError, /signal/],
    ["a negative margin", { safetyMarginMs: -1 }, RangeError, /safetyMarginMs/],
    [
      "a negative margin for adoption",
      { leaseId: 5n, safetyMarginMs: -1 },
      RangeError,
      /at least 0/,
    ],
    ["a margin of half the TTL", { ttl: 4, safetyMarginMs: 2_000 }, RangeError, /safetyMarginMs/],
    ["a margin as text", { safetyMarginMs: "1" }, TypeError, /safetyMarginMs/],
    ["a number as options", 5, TypeError, /options must be an object, not 5/],
    ["null as options", null, TypeError, /options must be an object, not null/],
    ["a signal as options", AbortSignal.abort(), TypeError, /pass \{ signal \}/],
  ])("%s, before anything is sent", async (_, options, type, message) => {
    const etcd = connect({ hosts: "127.0.0.1:1" }); // an answer from etcd would take 10 s
    onTestFinished(() => etcd.close());
    const opening = Session.open(etcd, options as SessionOptions);
    await expect(opening).rejects.toThrow(type);
    await expect(opening).rejects.toThrow(message);
  });

  it.each([[undefined], [null], [{}], ["127.0.0.1:2379"], [new Etcd3()]])(
    "%s as a connection",
    async (foreign) => {
      await expect(Session.open(foreign as Connection)).rejects.toThrow(TypeError);
    },
  );
});

it("a connection and a session of another installed copy of core are told apart from what is none", async () => {
  vi.resetModules();
  const other = await import("../src/index.js");
  const etcd = other.connect({ hosts: sharedEtcd().endpoints });
  onTestFinished(() => etcd.close());
  await expect(Session.open(etcd)).rejects.toThrow(
    /^this Connection is of another installed copy of @etcdkit\/core: see `npm ls @etcdkit\/core`$/,
  );
  const session = await other.Session.open(etcd);
  expect(() => leaseOf(session)).toThrow(/^this Session is of another installed copy/);
  await expect(Session.open(etcd)).rejects.toThrow(TypeError);
  expect(() => leaseOf(session)).toThrow(TypeError);
});

it("states() refuses a signal as options", async () => {
  const session = await Session.open(open());
  const given = new AbortController().signal;
  expect(() => session.states(given as object)).toThrow("pass { signal }");
});

describe("connect refuses", () => {
  it.each([[undefined], [null], [5], [{}], [{ hosts: [] }], [{ hosts: "" }], [{ hosts: [1] }]])(
    "%j as options",
    (options) => {
      expect(() => connect(options as { hosts: string })).toThrow(TypeError);
    },
  );
});

it("connect refuses an Etcd3 of another installed copy of etcd3", () => {
  const require = createRequire(import.meta.url);
  delete require.cache[require.resolve("etcd3")];
  const other: typeof import("etcd3") = require("etcd3");
  const own = new other.Etcd3({ hosts: "127.0.0.1:1" });
  onTestFinished(() => own.close());
  expect(() => connect(own)).toThrow(/^this Etcd3 is of another installed copy .* `npm ls etcd3`/);
});

describe("connect takes", () => {
  it("an Etcd3 of the user's own, and leaves it open", async () => {
    const own = new Etcd3({ hosts: sharedEtcd().endpoints });
    onTestFinished(() => own.close());
    const etcd = connect(own);
    expect(etcd.client).toBe(own);
    const session = await Session.open(etcd);
    await etcd.close();
    expect(session.state).toBe("closed");
    expect(await own.get("absent").exists()).toBe(false);
  });

  it("a namespace for the client too", async () => {
    const etcd = connect({ hosts: sharedEtcd().endpoints, namespace: "spaces/one/" });
    onTestFinished(() => etcd.close());
    await etcd.client.put("a").value("1");
    const raw = testClient();
    expect(await raw.get("spaces/one/a").string()).toBe("1");
    await etcd.client.delete().key("a");
    expect(await open().client.get("spaces/one/a").exists()).toBe(false);
  });
});
