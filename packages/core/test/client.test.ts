import { startCluster, startEtcd } from "@etcdkit/testing";
import { ClientClosedError, GRPCDeadlineExceededError } from "etcd3";
import { expect, it } from "vitest";
import { connect } from "../src/index.js";

// A connection's `client`: etcd3's own, but for what made one bad member a bad cluster.

it.concurrent("has its answers where one of three members is frozen", async () => {
  await using cluster = await startCluster({ size: 3 });
  await using etcd = connect({ hosts: cluster.endpoints });
  const { client } = etcd;
  const leader = await cluster.leader();
  const follower = cluster.members.find((member) => member !== leader);
  await follower?.pause();
  const puts = Array.from({ length: 24 }, (_, n) => client.put(`frozen/${n}`).value(n));
  await Promise.all(puts);
  expect(await client.getAll().prefix("frozen/").keys()).toHaveLength(24);
}, 30_000);

it.concurrent("waits no longer than four attempts of 2 s where none answers, or as long as it is told", async () => {
  await using server = await startEtcd({ own: true });
  await using etcd = connect({ hosts: server.endpoints });
  const { client } = etcd;
  await client.get("key");
  await server.pause();
  const answer = client
    .get("key")
    .options({ deadline: Date.now() + 60_000 })
    .string();
  await expect(client.get("key")).rejects.toThrow(GRPCDeadlineExceededError);
  server.resume();
  expect(await answer).toBeNull();
}, 30_000);

it.concurrent("has no breaker: it goes on as soon as a killed etcd is back, however often it failed", async () => {
  await using server = await startEtcd({ own: true });
  await using etcd = connect({ hosts: server.endpoints });
  const { client } = etcd;
  await server.kill();
  for (let times = 1; times <= 4; times++) await expect(client.get("key")).rejects.toThrow();
  await server.restart();
  expect(await client.get("key")).toBeNull();
}, 30_000);

it.concurrent("takes replies larger than gRPC's own limit of 4 MiB", async () => {
  await using server = await startEtcd({ own: true });
  await using etcd = connect({ hosts: server.endpoints });
  const { client } = etcd;
  const value = Buffer.alloc(1 << 20);
  for (const key of ["a", "b", "c", "d", "e"]) await client.put(`large/${key}`).value(value);
  const { kvs } = await client.getAll().prefix("large/").exec();
  expect(kvs).toHaveLength(5);
});

it.concurrent("is closed with its connection", async () => {
  await using server = await startEtcd({ own: true });
  await using etcd = connect({ hosts: server.endpoints });
  await etcd.client.get("key");
  await etcd.close();
  await expect(etcd.client.get("key")).rejects.toThrow(ClientClosedError);
});
