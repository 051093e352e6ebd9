import { type EtcdConnection, Snapshot } from "@etcdkit/core/internal";
import { Detector, type LeaseLook } from "./detector.js";
import type { MemberEvent } from "./events.js";
import type { Layout } from "./layout.js";
import { Roster, type RosterEvent } from "./roster.js";
import type { Suspicion } from "./suspicion.js";

/** How old the answer to a look at a lease may be: this process, or etcd, may have stood still meanwhile. */
const FRESH_MS = 1_000;

/** The members now, and each change, kept for the reader however slow it is. */
export async function* watchMembers(
  connection: EtcdConnection,
  layout: Layout,
  { signal, suspicion }: { signal: AbortSignal | undefined; suspicion: Suspicion | undefined },
): AsyncGenerator<MemberEvent, void, undefined> {
  if (signal?.aborted) return;
  let unread: MemberEvent[] = [];
  let failure: { error: unknown } | undefined;
  let wake = () => {};
  const tell = (event: MemberEvent) => {
    unread.push(event);
    wake();
  };
  const roster = new Roster(layout);
  const { clock, random } = connection;
  const detector =
    suspicion &&
    new Detector({
      ...suspicion,
      clock,
      random,
      tell,
      look: (leaseId) => lookAt(connection, leaseId),
    });
  const happened = (events: RosterEvent[]) => {
    for (const event of events) {
      tell(event);
      detector?.follow(event);
    }
  };
  const snapshot = new Snapshot(connection, layout.range, layout.what, {
    state: (kvs, revision) => happened(roster.state(kvs, revision)),
    changes: (events) => happened(roster.changes(events)),
    failed: (error) => {
      failure = { error };
      wake();
    },
  });
  const abort = () => wake();
  signal?.addEventListener("abort", abort);
  try {
    for (;;) {
      const events = unread;
      unread = [];
      for (const event of events) {
        if (signal?.aborted) return;
        yield event;
      }
      if (signal?.aborted) return;
      if (unread.length > 0) continue;
      if (failure) throw failure.error;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    snapshot.close();
    detector?.close();
  }
}

async function lookAt(connection: EtcdConnection, leaseId: bigint): Promise<LeaseLook | undefined> {
  const { clock, members } = connection;
  const sentAt = clock.now();
  try {
    const call = { deadlineMs: FRESH_MS };
    const { ttl, grantedTtl } = await members.current.leaseTimeToLive(leaseId, call);
    // a lease that is gone takes its key along: the watch will tell
    const fresh = clock.now() - sentAt <= FRESH_MS;
    return fresh && ttl >= 0 && grantedTtl > 0 ? { ttl, grantedTtl } : undefined;
  } catch {
    // etcd is away, or has no leader
    return undefined;
  }
}
