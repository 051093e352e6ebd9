import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { onTestFinished } from "vitest";

// An operator restores a backup, or a disk is lost, under clients that live on: etcd's revisions begin anew below those they know.

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "etcdkit-put-back-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** One of the test's own, with so much history that it is a while until revisions have come as far again. */
export async function startWithHistory(): Promise<EtcdServer> {
  const dataDir = await folder();
  const server = await startEtcd({ own: true, dataDir });
  onTestFinished(() => server.stop());
  await writeHistory(server);
  return server;
}

export async function writeHistory(server: EtcdServer): Promise<void> {
  const client = server.client();
  for (let n = 0; n < 200; n++) await client.put("history").value(n);
}

/** The folder of its state at this moment. Restarts it. */
export async function backUp(server: EtcdServer): Promise<string> {
  const backup = await folder();
  await server.kill();
  await cp(`${server.dataDir}`, backup, { recursive: true });
  await server.restart();
  return backup;
}

/** To that state; without `backup`, to nothing at all. */
export async function putBack(server: EtcdServer, backup?: string): Promise<void> {
  await server.kill();
  await rm(join(`${server.dataDir}`, "data"), { recursive: true });
  if (backup) await cp(backup, `${server.dataDir}`, { recursive: true });
  await server.restart();
}
