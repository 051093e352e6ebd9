import type { SessionState } from "@etcdkit/core";
import { Feed, type Lease } from "@etcdkit/core/internal";

/** The state of a lease now, then each change, until the last one, `signal` or the reader ends it. */
export function statesOf(
  lease: Lease,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<SessionState, undefined> {
  let stop: (() => void) | undefined;
  const abort = () => feed.end();
  const feed = new Feed<SessionState>(() => {
    stop?.();
    signal?.removeEventListener("abort", abort);
  });
  const tell = (state: SessionState) => {
    feed.push(state);
    if (state === "expired" || state === "closed") feed.finish();
  };
  if (signal?.aborted) {
    feed.end();
    return feed;
  }
  signal?.addEventListener("abort", abort);
  // looks at the clock, which may end it: observed from then on
  const now = lease.state;
  stop = lease.observe(tell);
  tell(now);
  return feed;
}
