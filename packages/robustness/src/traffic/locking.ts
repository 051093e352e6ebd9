import { type Lock, Mutex, type Session } from "@etcdkit/mutex";
import { Belief } from "./belief.js";
import type { Client } from "./client.js";
import { leaseOf } from "./sessions.js";

/** A lock with the belief in it. */
export interface Held {
  readonly lock: Lock;
  readonly belief: Belief;
}

/** Locks and records it; undefined where it did not come to that. Whose it is can be read from the key's value. */
export async function lock(
  client: Client,
  session: Session,
  name: string,
  { signal, wait = true }: { signal?: AbortSignal; wait?: boolean } = {},
): Promise<Held | undefined> {
  const { recorder } = client;
  const mutex = new Mutex(session, name);
  const lease = leaseOf(session);
  const options = { value: client.name, ...(signal && { signal }) };
  const kind = wait ? "mutex lock" : "mutex tryLock";
  return recorder.operation({ kind, name, signal, detail: { lease } }, async () => {
    const lock = await (wait ? mutex.lock(options) : mutex.tryLock(options));
    if (!lock) return { outcome: "busy" };
    const about = { key: lock.key, token: Number(lock.fencingToken), lease };
    const belief = new Belief(recorder, { kind: "mutex", name, ...about }, () => lock.held);
    return { outcome: "done", detail: about, value: { lock, belief } };
  });
}

export async function release({ recorder }: Client, { lock, belief }: Held): Promise<void> {
  const { name, key } = lock;
  const token = Number(lock.fencingToken);
  belief.close();
  await recorder.operation({ kind: "mutex release", name, detail: { key, token } }, async () => {
    await lock.release();
    return { outcome: "done" };
  });
}
