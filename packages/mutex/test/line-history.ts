import { eventually } from "@etcdkit/testing";
import type { testClient } from "@etcdkit/testing/vitest";

/** A contender's key, from etcd's own history. */
export interface Stay {
  key: string;
  createRevision: bigint;
  /** When it was deleted. */
  goneAt: bigint;
}

/** Every stay in the line of `name` since `fromRevision`, in the order of leaving, as etcd's history has it; up to that of `last`. */
export async function lineHistory(
  client: ReturnType<typeof testClient>,
  name: string,
  { fromRevision, last }: { fromRevision: bigint; last: bigint | undefined },
): Promise<Stay[]> {
  const created = new Map<string, bigint>();
  const stays: Stay[] = [];
  const watcher = await client
    .watch()
    .prefix(`${name}/`)
    .startRevision(`${fromRevision}`)
    .watcher();
  watcher.on("put", ({ key, create_revision }) => {
    created.set(key.toString(), BigInt(create_revision));
  });
  watcher.on("delete", ({ key, mod_revision }) => {
    const createRevision = created.get(key.toString()) ?? 0n;
    stays.push({ key: key.toString(), createRevision, goneAt: BigInt(mod_revision) });
  });
  const complete = () => stays.some(({ createRevision }) => createRevision === last);
  await eventually(complete, { what: `the stay of ${last} in the history` });
  return stays;
}
