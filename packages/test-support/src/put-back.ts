import { cp, rm } from "node:fs/promises";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { onTestFinished } from "vitest";

// An operator restores a backup, or a disk is lost, under clients that live on: etcd's revisions begin anew below those they know.

const data = (server: EtcdServer) => `${server.dataDir}/data`;

/** One of the test's own, with so much history that it is a while until revisions have come as far again. */
export async function startWithHistory(): Promise<EtcdServer> {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  await writeHistory(server);
  return server;
}

export async function writeHistory(server: EtcdServer): Promise<void> {
  const client = server.client();
  for (let n = 0; n < 200; n++) await client.put("history").value(n);
}

/** A folder with its state at this moment. Restarts it. */
export async function backUp(server: EtcdServer): Promise<string> {
  const backup = `${server.dataDir}/backup`;
  await server.kill();
  await cp(data(server), backup, { recursive: true });
  await server.restart();
  return backup;
}

/** To that state; without `backup`, to nothing at all. */
export async function putBack(server: EtcdServer, backup?: string): Promise<void> {
  await server.kill();
  await rm(data(server), { recursive: true });
  if (backup) await cp(backup, data(server), { recursive: true });
  await server.restart();
}
