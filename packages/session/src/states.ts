import type { SessionState } from "@etcdkit/core";
import { Feed, type Lease } from "@etcdkit/core/internal";

/** The state of a lease now, then each change, until the last one, `signal` or the reader ends it. */
export function statesOf(
  lease: Lease,
  signal: AbortSignal | undefined,
): AsyncIterableIterator<SessionState, undefined> {
  return Feed.until(signal, (feed) => {
    const tell = (state: SessionState) => {
      feed.push(state);
      if (state === "expired" || state === "closed") feed.finish();
    };
    // looks at the clock, which may end it: observed from then on
    tell(lease.state);
    return lease.observe(tell);
  });
}
