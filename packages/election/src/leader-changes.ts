import {
  byCreateRevision,
  type EtcdConnection,
  Feed,
  idOf,
  type KeyValue,
  Snapshot,
  underPrefix,
  type WatchEvent,
} from "@etcdkit/core/internal";
import { type Leader, toLeader } from "./leader.js";

/** The leader now, then each change, until `signal` or the reader ends it. */
export function leaderChanges(
  connection: EtcdConnection,
  name: string,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<Leader | undefined, undefined> {
  /** In the order of create revisions: a new key always has the greatest, so that appending keeps it. */
  let candidates = new Map<string, KeyValue>();
  /** What was told last; undefined before the first word, null for no leader. */
  let told: KeyValue | null | undefined;

  const tell = (feed: Feed<Leader | undefined>) => {
    const [leader = null] = candidates.values();
    if (told !== undefined && same(told, leader)) return;
    told = leader;
    feed.push(leader ? toLeader(leader) : undefined);
  };
  const apply = ({ type, kv }: WatchEvent) => {
    const id = idOf(kv.key);
    // an overwritten key keeps its place
    if (type === "delete" || kv.version === 1n) candidates.delete(id);
    if (type === "put") candidates.set(id, kv);
  };

  return Feed.until(signal, (feed) => {
    const snapshot = new Snapshot(connection, underPrefix(`${name}/`), `election ${name}`, {
      state: (kvs) => {
        const order = kvs.sort(byCreateRevision);
        candidates = new Map(order.map((kv) => [idOf(kv.key), kv]));
        tell(feed);
      },
      changes: (events) => {
        for (const [index, event] of events.entries()) {
          apply(event);
          // a revision is one change, however many keys it touched
          if (events[index + 1]?.kv.modRevision !== event.kv.modRevision) tell(feed);
        }
      },
      failed: (error) => feed.fail(error),
    });
    return () => snapshot.close();
  });
}

/** Whether it is the same word of the same leader: a key has one mod revision for each of its values. */
function same(a: KeyValue | null, b: KeyValue | null): boolean {
  return a?.modRevision === b?.modRevision && (!a || !b || a.key.equals(b.key));
}
