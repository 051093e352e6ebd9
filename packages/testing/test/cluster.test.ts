import { expect, test } from "vitest";
import { eventually, startCluster } from "../src/index.js";

test("three members elect another leader when theirs is killed, and take it back", async () => {
  await using cluster = await startCluster({ heartbeatMs: 50, electionMs: 500 });
  expect(cluster.members.map(({ name }) => name)).toEqual(["etcd-1", "etcd-2", "etcd-3"]);
  expect(cluster.endpoints).toEqual(cluster.members.flatMap(({ endpoints }) => endpoints));
  const client = cluster.client();
  await client.put("a").value("1");
  const first = await cluster.leader();
  await first.kill();
  const second = await cluster.leader();
  expect(second).not.toBe(first);
  await second.client().put("a").value("2");
  await first.restart();
  expect(await first.client().get("a").string()).toBe("2");
});

test("a frozen leader is not the leader, and without a majority there is none", async () => {
  await using cluster = await startCluster({ heartbeatMs: 50, electionMs: 500 });
  const first = await cluster.leader();
  await first.pause();
  const second = await cluster.leader();
  expect(second).not.toBe(first);
  await second.pause();
  await expect(cluster.leader(700)).rejects.toMatchObject({ code: "timed-out" });
  second.resume();
  first.resume();
  await cluster.leader();
});

test("each member can stand behind a proxy of its own", async () => {
  await using cluster = await startCluster({ size: 1, proxied: true });
  const [proxy] = cluster.proxies;
  const [member] = cluster.members;
  if (!proxy || !member) throw new Error("one of each was asked for");
  expect(cluster.endpoints).toEqual([proxy.endpoint]);
  expect(member.endpoints).not.toEqual(cluster.endpoints);
  const client = cluster.client();
  await client.put("a").value("1");
  expect(proxy.connections).toBe(1);
  await proxy.cut();
  await expect(client.get("a").string()).rejects.toThrow();
  expect(await member.client().get("a").string()).toBe("1");
  await proxy.restore();
  await eventually(() => client.get("a").string());
});

test("a member that cannot start takes the others with it", async () => {
  const start = startCluster({ size: 2, args: ["--no-such-flag"] });
  await expect(start).rejects.toThrow("-no-such-flag");
});
