import { eventually } from "@etcdkit/testing";
import type { testClient } from "@etcdkit/testing/vitest";

/** A contender's key, from etcd's own history. */
export interface Stay {
  key: string;
  createRevision: bigint;
  /** When it was deleted. */
  goneAt: bigint;
}

type Client = ReturnType<typeof testClient>;

/** The stays in the line of `name` from now on, or from `fromRevision` on, in the order of leaving; grows as they come. */
export async function followHistory(
  client: Client,
  name: string,
  fromRevision?: bigint,
): Promise<Stay[]> {
  const created = new Map<string, bigint>();
  const stays: Stay[] = [];
  const watch = client.watch().prefix(`${name}/`);
  if (fromRevision !== undefined) watch.startRevision(`${fromRevision}`);
  const watcher = await watch.watcher();
  watcher.on("put", ({ key, create_revision }) => {
    created.set(key.toString(), BigInt(create_revision));
  });
  watcher.on("delete", ({ key, mod_revision }) => {
    const createRevision = created.get(key.toString()) ?? 0n;
    stays.push({ key: key.toString(), createRevision, goneAt: BigInt(mod_revision) });
  });
  return stays;
}

/** The first `count` stays since `fromRevision`. */
export async function lineHistory(
  client: Client,
  name: string,
  { fromRevision, count }: { fromRevision: bigint; count: number },
): Promise<Stay[]> {
  const stays = await followHistory(client, name, fromRevision);
  await eventually(() => stays.length >= count, { what: `${count} stays in the history` });
  return stays;
}
