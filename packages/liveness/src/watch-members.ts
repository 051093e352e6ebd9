import { type EtcdConnection, EtcdFailure, Feed, Snapshot } from "@etcdkit/core/internal";
import { Detector, type LeaseLook } from "./detector.js";
import type { MemberEvent } from "./events.js";
import type { Layout } from "./layout.js";
import { Roster, type RosterEvent } from "./roster.js";
import type { Suspicion } from "./suspicion.js";

/** How old the answer to a look at a lease may be: this process, or etcd, may have stood still meanwhile. */
const FRESH_MS = 1_000;

/** The members now, and each change, kept for the reader however slow it is; until `signal` or the reader ends it. */
export function watchMembers(
  connection: EtcdConnection,
  layout: Layout,
  { signal, suspicion }: { signal: AbortSignal | undefined; suspicion: Suspicion | undefined },
): AsyncIterableIterator<MemberEvent, undefined> {
  return Feed.until(signal, (feed) => {
    const { clock, random } = connection;
    const tell = (event: MemberEvent) => feed.push(event);
    const look = (leaseId: bigint) => lookAt(connection, leaseId);
    const detector = suspicion && new Detector({ ...suspicion, clock, random, tell, look });
    const roster = new Roster(layout);
    const happened = (events: RosterEvent[]) => {
      for (const event of events) {
        tell(event);
        detector?.follow(event);
      }
    };
    const snapshot = new Snapshot(connection, layout.range, layout.what, {
      state: (kvs, revision) => happened(roster.state(kvs, revision)),
      changes: (events) => happened(roster.changes(events)),
      failed: (error) => feed.fail(error),
    });
    return () => {
      snapshot.close();
      detector?.close();
    };
  });
}

async function lookAt(connection: EtcdConnection, leaseId: bigint): Promise<LeaseLook | undefined> {
  const { clock, members } = connection;
  const member = members.current;
  const sentAt = clock.now();
  try {
    const call = { deadlineMs: FRESH_MS };
    const { ttl, grantedTtl } = await member.leaseTimeToLive(leaseId, call);
    // a lease that is gone takes its key along: the watch will tell
    const fresh = clock.now() - sentAt <= FRESH_MS;
    return fresh && ttl >= 0 && grantedTtl > 0 ? { ttl, grantedTtl } : undefined;
  } catch (error) {
    // etcd is away, or has no leader: where nobody else calls, nobody else finds another member
    if (error instanceof EtcdFailure && error.passing) members.failed(member);
    return undefined;
  }
}
