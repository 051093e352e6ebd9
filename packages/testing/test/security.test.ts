import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { expect, onTestFinished, test } from "vitest";
import { eventually, startCluster, startEtcd } from "../src/index.js";

test("TLS: clients that trust the server's CA get through, others do not", async () => {
  await using server = await startEtcd({ tls: true });
  expect(server.credentials?.certChain).toBeUndefined();
  await server.client().put("a").value("1");
  expect(await server.get("/health")).toContain("true");
  await server.restart();
  expect(await server.client().get("a").string()).toBe("1");
  const stranger = new Etcd3({ hosts: `https://${server.endpoints[0]}` });
  await expect(stranger.get("a").string()).rejects.toThrow();
  stranger.close();
});

test("TLS with client certificates: the CA alone does not do", async () => {
  await using server = await startEtcd({ tls: { clientCert: true } });
  const { rootCertificate, certChain } = server.credentials ?? {};
  if (!rootCertificate) throw new Error("no credentials");
  expect(certChain).toBeDefined();
  await server.client().put("a").value("1");
  const anonymous = server.client({ credentials: { rootCertificate } });
  await expect(anonymous.get("a").string()).rejects.toThrow();
});

test("auth: a user has the keys below its prefix, and a token its time", async () => {
  const ann = { name: "ann", password: "secret", prefix: "ann/" };
  const bob = { name: "bob", password: "secret", prefix: "", permission: "Read" as const };
  await using server = await startEtcd({ auth: { users: [ann, bob], tokenTtlSeconds: 2 } });
  await server.client().put("other").value("by root");
  const asAnn = server.client({ auth: { username: "ann", password: "secret" } });
  await asAnn.put("ann/a").value("1");
  await expect(asAnn.put("other").value("2")).rejects.toThrow("permission denied");
  const asBob = server.client({ auth: { username: "bob", password: "secret" } });
  expect(await asBob.get("other").string()).toBe("by root");
  await expect(asBob.put("other").value("2")).rejects.toThrow("permission denied");
  const wrong = server.client({ auth: { username: "ann", password: "wrong" } });
  await expect(wrong.get("ann/a").string()).rejects.toThrow();
  await server.restart();
  expect(await asAnn.get("ann/a").string()).toBe("1");
});

test("auth: a data folder that has it already can be started from again, with root's own password", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "kept-"));
  onTestFinished(() => rm(dataDir, { recursive: true }));
  const ann = { name: "ann", password: "secret", prefix: "ann/" };
  const auth = { rootPassword: "first", users: [ann] };
  {
    await using server = await startEtcd({ dataDir, auth });
    await server.client().put("ann/a").value("1");
  }
  {
    await using again = await startEtcd({ dataDir, auth });
    const asAnn = again.client({ auth: { username: "ann", password: "secret" } });
    expect(await asAnn.get("ann/a").string()).toBe("1");
    await again.client().put("other").value("by root");
  }
  const stranger = startEtcd({ dataDir, auth: { rootPassword: "other" } });
  await expect(stranger).rejects.toMatchObject({ code: "start-failed" });
  await expect(stranger).rejects.toThrow("invalid user ID or password");
});

test("a cluster with TLS and auth at once, behind proxies", async () => {
  await using cluster = await startCluster({ tls: true, auth: {}, proxied: true });
  await cluster.client().put("a").value("1");
  const leader = await cluster.leader();
  expect(await eventually(() => leader.client().get("a").string())).toBe("1");
});
