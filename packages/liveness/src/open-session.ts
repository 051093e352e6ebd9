import type { Connection } from "@etcdkit/core";
import { Session } from "@etcdkit/session";

/** A session whose opening `signal` abandons, but which it does not close later: a goodbye has to be said on it first. */
export async function openSession(
  etcd: Connection,
  ttl: number,
  signal: AbortSignal,
): Promise<Session> {
  signal.throwIfAborted();
  const opening = new AbortController();
  const abort = () => opening.abort(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Session.open(etcd, { ttl, signal: opening.signal });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
