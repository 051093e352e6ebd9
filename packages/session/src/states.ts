import type { SessionState } from "@etcdkit/core";
import type { Lease } from "@etcdkit/core/internal";

/** The states of a lease as an iterable: each change once, in order, also those made between two steps of the reader. */
export async function* statesOf(
  lease: Lease,
  signal: AbortSignal | undefined,
): AsyncGenerator<SessionState, void, undefined> {
  const unread: SessionState[] = [lease.state];
  let wake = () => {};
  const stop = lease.observe((state) => {
    unread.push(state);
    wake();
  });
  const abort = () => wake();
  signal?.addEventListener("abort", abort);
  try {
    while (!signal?.aborted) {
      const state = unread.shift();
      if (state) {
        yield state;
        if (state === "expired" || state === "closed") return;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    stop();
    signal?.removeEventListener("abort", abort);
  }
}
