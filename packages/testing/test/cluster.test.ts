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

// elsewhere only one address of the loopback answers
const [clientHost, peerHost] =
  process.platform === "linux" ? ["127.0.0.2", "127.0.0.3"] : ["127.0.0.1", "127.0.0.1"];

test("members run where the network option says, by the command it gives", async () => {
  const asked: string[] = [];
  await using cluster = await startCluster({
    size: 2,
    network: (name) => {
      asked.push(name);
      return { clientHost, peerHost, command: ["env", "ETCD_LOG_LEVEL=warn"] };
    },
  });
  expect(asked).toEqual(["etcd-1", "etcd-2"]);
  for (const { endpoints, log } of cluster.members) {
    expect(endpoints[0]).toContain(clientHost);
    // what etcd says of a variable it was given
    expect(log).toContain("ETCD_LOG_LEVEL");
  }
  await cluster.client().put("a").value("1");
  const [first] = cluster.members;
  await first?.pause();
  first?.resume();
  await first?.restart();
});

test("with TLS, the certificate is good where the network option has the members", async () => {
  await using cluster = await startCluster({
    size: 1,
    tls: true,
    readyTimeoutMs: 5_000,
    network: () => ({ clientHost, peerHost, command: [] }),
  });
  await cluster.client().put("a").value("1");
});
