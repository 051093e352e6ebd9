import { getMaxListeners } from "node:events";
import { hostname } from "node:os";
import { Group, MembershipError } from "@etcdkit/liveness";
import { eventually, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { open } from "./connect.js";
import { Observer } from "./observe.js";

// Run on every supported etcd: what a version could do otherwise.

function newGroup(): { name: string; group: Group } {
  const name = `${testPrefix()}group`;
  return { name, group: new Group(open(), name) };
}

test("a member is seen with its metadata and what its process says of itself", async () => {
  const { group } = newGroup();
  expect(await group.members()).toEqual(new Map());
  const member = await group.join({ id: "a", metadata: { zone: "x" } });
  expect(member.state).toBe("joined");
  expect([0, Number.POSITIVE_INFINITY]).toContain(getMaxListeners(member.signal));
  const info = (await group.members()).get("a");
  expect(info).toMatchObject({ id: "a", incarnation: member.incarnation, metadata: { zone: "x" } });
  const { host, pid, platform, nodeVersion, packageVersion, addresses, startedAt } =
    info?.facts ?? {};
  expect({ host, pid, nodeVersion }).toEqual({
    host: hostname(),
    pid: process.pid,
    nodeVersion: process.version,
  });
  expect(platform).toBe(`${process.platform}-${process.arch}`);
  expect(packageVersion).toMatch(/^\d+\.\d+\.\d+/);
  expect(addresses).toBeInstanceOf(Array);
  const started = Date.now() - process.uptime() * 1_000;
  expect(Math.abs(Date.parse(startedAt ?? "") - started)).toBeLessThan(2_000);
});

test("a watch tells who is there, and then each change once", async () => {
  const { group } = newGroup();
  const first = await group.join({ id: "a", metadata: { n: 1 } });
  const observer = new Observer(group);
  await observer.heard("joined a");
  const second = await group.join({ id: "b" });
  await first.update({ n: 2 });
  await second.leave();
  await first[Symbol.asyncDispose]();
  await observer.heard("left a");
  expect(observer.words()).toEqual(["joined a", "joined b", "updated a", "left b", "left a"]);
  const updated = observer.events[2];
  expect(updated).toMatchObject({ member: { metadata: { n: 2 } }, before: { metadata: { n: 1 } } });
  expect(observer.fold()).toEqual(new Map());
  expect(await group.members()).toEqual(new Map());
  const revisions = observer.events.map((event) => ("revision" in event ? event.revision : 0n));
  expect(revisions).toEqual([...revisions].sort((a, b) => (a < b ? -1 : 1)));
});

test("a member whose lease is revoked or whose key is deleted has died, and is back at once", async () => {
  const { name, group } = newGroup();
  const observer = new Observer(group);
  const member = await group.join({ id: "a", metadata: { n: 1 } });
  await member.update({ n: 2 });
  await observer.heard("updated a");
  const client = testClient();
  await client.delete().key(`${name}/members/a`);
  await eventually(() => observer.words().length === 4);
  const { leaseId = 0n } = (await group.members()).get("a") ?? {};
  await client.leaseClient.leaseRevoke({ ID: `${leaseId}` });
  await eventually(() => observer.words().length === 6);
  const back = ["died a", "joined a"];
  expect(observer.words()).toEqual(["joined a", "updated a", ...back, ...back]);
  await eventually(() => member.state === "joined");
  const info = (await group.members()).get("a");
  expect(info).toMatchObject({ incarnation: member.incarnation, metadata: { n: 2 } });
  expect(info?.leaseId).not.toBe(leaseId);
  expect(member.signal.aborted).toBe(false);
});

test("the second of two with one id is told who is there, and replaces it if it says so", async () => {
  const { group } = newGroup();
  const observer = new Observer(group);
  const first = await group.join({ id: "a", metadata: { n: 1 } });
  const other = new Group(open(), group.name);
  const refused = await other.join({ id: "a" }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(MembershipError);
  expect(refused).toMatchObject({ code: "ID_TAKEN", other: { incarnation: first.incarnation } });
  expect(String(refused)).toContain(`process ${process.pid} on host ${hostname()}`);
  expect(first.state).toBe("joined");

  const second = await other.join({ id: "a", takeOver: true, metadata: { n: 2 } });
  await eventually(() => first.signal.aborted);
  expect(first.signal.reason).toMatchObject({
    code: "TAKEN_OVER",
    other: { incarnation: second.incarnation },
  });
  expect([first.state, second.state]).toEqual(["replaced", "joined"]);
  await expect(first.update({})).rejects.toMatchObject({ code: "TAKEN_OVER" });
  await first.leave();
  await second.leave();
  await observer.heard("left a");
  expect(observer.words()).toEqual(["joined a", "updated a", "left a"]);
});

test("what a member was given or closed with ends it with a goodbye", async () => {
  const { group } = newGroup();
  const observer = new Observer(group);
  const controller = new AbortController();
  const etcd = open();
  const theirs = new Group(etcd, group.name);
  const one = await theirs.join({ id: "a", signal: controller.signal });
  await theirs.join({ id: "b" });
  controller.abort();
  await observer.heard("left a");
  expect(one.signal.reason).toMatchObject({ code: "LEFT" });
  await etcd.close();
  await observer.heard("left b");
  expect(observer.words()).toHaveLength(4);
});
