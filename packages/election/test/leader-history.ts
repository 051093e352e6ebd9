import { eventually } from "@etcdkit/testing";
import type { testClient } from "@etcdkit/testing/vitest";

/** One state of the leadership, in words: its key, create revision and value; `-` for no leader. */
export type LeaderWord = string;

export function wordOf(
  leader: { key: string; fencingToken: bigint; value: Buffer } | undefined,
): LeaderWord {
  return leader ? `${leader.key} ${leader.fencingToken} ${leader.value}` : "-";
}

interface Write {
  revision: bigint;
  key: string;
  /** Undefined: deleted. */
  put: { createRevision: bigint; value: Buffer } | undefined;
}

/** The history of an election, as etcd tells it to a client of its own. */
export interface LeaderHistory {
  /**
   * Who led after each revision up to `toRevision`, from the writes under `name/` alone and in the plainest way: of all keys the
   * one with the smallest create revision, told where it is not what it was, or was written anew.
   */
  words(toRevision: bigint): Promise<LeaderWord[]>;
}

/** Records it, from `fromRevision` on. */
export async function leaderHistory(
  client: ReturnType<typeof testClient>,
  name: string,
  fromRevision = 1n,
): Promise<LeaderHistory> {
  const writes: Write[] = [];
  const prefix = `${name}/`;
  const watcher = await client.watch().prefix(prefix).startRevision(`${fromRevision}`).watcher();
  watcher.on("put", ({ key, value, create_revision, mod_revision }) => {
    const put = { createRevision: BigInt(create_revision), value };
    writes.push({ revision: BigInt(mod_revision), key: `${key}`, put });
  });
  watcher.on("delete", ({ key, mod_revision }) => {
    writes.push({ revision: BigInt(mod_revision), key: `${key}`, put: undefined });
  });
  const reaches = (revision: bigint) => (writes.at(-1)?.revision ?? 0n) >= revision;
  return {
    words: async (toRevision) => {
      await eventually(() => reaches(toRevision), { what: "the history" });
      return wordsOf(writes.filter(({ revision }) => revision <= toRevision));
    },
  };
}

function wordsOf(writes: Write[]): LeaderWord[] {
  const keys = new Map<string, { createRevision: bigint; value: Buffer; revision: bigint }>();
  const words: LeaderWord[] = [];
  let last = "";
  for (const [index, { revision, key, put }] of writes.entries()) {
    if (put) keys.set(key, { ...put, revision });
    else keys.delete(key);
    if (writes[index + 1]?.revision === revision) continue;
    const [first] = [...keys.entries()].sort(([, a], [, b]) =>
      Number(a.createRevision - b.createRevision),
    );
    const identity = first ? `${first[0]} ${first[1].revision}` : "none";
    if (identity === last) continue;
    last = identity;
    const [leaderKey, leader] = first ?? [];
    words.push(
      wordOf(leader && { key: leaderKey ?? "", fencingToken: leader.createRevision, ...leader }),
    );
  }
  return words;
}
