import { startProxy } from "@etcdkit/testing";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type Call, type Etcd, EtcdFailure } from "../src/etcd.js";
import { openMember } from "../src/etcd3.js";
import { limited } from "../src/limited.js";

const request = { key: Buffer.from("absent") };
const call: Call = { deadlineMs: 5_000 };

let member: Etcd;
let stall: () => void;
let underWay: number;
let most: number;
let begun: number;

// a member, and how many calls it is asked at once
beforeEach(async () => {
  const [target = ""] = sharedEtcd().endpoints;
  const proxy = await startProxy({ target });
  const own = openMember({ hosts: proxy.endpoint }, proxy.endpoint);
  onTestFinished(async () => {
    own.close();
    await proxy.close();
  });
  stall = () => proxy.stall();
  underWay = most = begun = 0;
  const range: Etcd["range"] = (...args) => {
    begun++;
    most = Math.max(most, ++underWay);
    return own.range(...args).finally(() => underWay--);
  };
  member = limited(Object.assign(Object.create(own), { range }));
});

const ranges = (count: number, each = call) =>
  Array.from({ length: count }, () => member.range(request, each));

describe("of more than 32 calls at once", () => {
  it("32 are sent, the others in their turn, and all are answered", async () => {
    await Promise.all(ranges(1_000));
    expect({ begun, most }).toEqual({ begun: 1_000, most: 32 });
    await Promise.all(ranges(1_000));
    expect({ begun, most }).toEqual({ begun: 2_000, most: 32 });
  });

  it("those that wait at a member that does not answer are told so at once, and were not sent", async () => {
    await member.range(request, call);
    stall();
    const outcomes = await Promise.allSettled(ranges(50, { deadlineMs: 300 }));
    const errors = outcomes.map((outcome) => "reason" in outcome && outcome.reason);
    expect(errors.filter((error) => error instanceof EtcdFailure)).toHaveLength(50);
    expect(errors.filter(({ kind }) => kind === "unavailable")).toHaveLength(50);
    expect(errors.filter(({ sent }) => !sent)).toHaveLength(18);
    expect(begun).toBe(33);
  });

  it("one that is cancelled while it waits is not sent, and takes nobody's turn", async () => {
    const stop = new AbortController();
    const before = ranges(32);
    const cancelled = member.range(request, { ...call, signal: stop.signal });
    const after = ranges(10);
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ kind: "unavailable", sent: false });
    await Promise.all([...before, ...after]);
    expect(begun).toBe(42);
    expect(underWay).toBe(0);
  });
});
