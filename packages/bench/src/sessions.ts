import type { Connection } from "@etcdkit/core";
import { Session } from "@etcdkit/session";
import { inParallel } from "./timed.js";

/** As many sessions on one connection, opened a few at a time. */
export async function openSessions(etcd: Connection, count: number, ttl = 60): Promise<Session[]> {
  const sessions: Session[] = [];
  await inParallel(count, 32, async (n) => {
    sessions[n] = await Session.open(etcd, { ttl });
  });
  return sessions;
}

/** The n-th of what there is. */
export function nth<T>(all: readonly T[], n: number): T {
  const one = all[n];
  if (one === undefined) throw new RangeError(`there are ${all.length}, not ${n + 1}`);
  return one;
}
