import { type ReadLock, RWMutex, type Session, type WriteLock } from "@etcdkit/rwmutex";
import type { Random } from "../model/random.js";
import { Belief } from "./belief.js";
import type { Client } from "./client.js";
import { limit } from "./limit.js";
import { pause } from "./pause.js";
import { leaseOf, Sessions } from "./sessions.js";

interface Held<Lock> {
  lock: Lock;
  belief: Belief;
}

/** Readers, writers, and writers that go on as readers. */
export async function rwmutexTraffic(client: Client, random: Random): Promise<void> {
  await using sessions = new Sessions(client);
  while (!client.stop.aborted) {
    const session = await sessions.current();
    if (session) {
      const cancel = random.chance(0.3) ? limit(random.between(1, 300)) : undefined;
      if (random.chance(0.6)) await readOnce(client, random, session, cancel);
      else await writeOnce(client, random, session, cancel);
    }
    await pause(random.between(50, 300), client.stop);
  }
}

async function readOnce(
  client: Client,
  random: Random,
  session: Session,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = nameOf(client);
  const call = { kind: "rwmutex read", name, signal, detail: { lease: leaseOf(session) } } as const;
  const held = await client.recorder.operation(call, async () => {
    const lock = await new RWMutex(session, name).readLock(optionsOf(client, signal));
    return account(client, session, "read", lock);
  });
  if (held) await holdOn(client, random, held);
}

async function writeOnce(
  client: Client,
  random: Random,
  session: Session,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = nameOf(client);
  const call = {
    kind: "rwmutex write",
    name,
    signal,
    detail: { lease: leaseOf(session) },
  } as const;
  const held = await client.recorder.operation(call, async () => {
    const lock = await new RWMutex(session, name).writeLock(optionsOf(client, signal));
    return account(client, session, "write", lock);
  });
  if (!held) return;
  if (random.chance(0.5)) return holdOn(client, random, held);
  await pause(random.between(0, 100), client.stop);
  const reader = await downgrade(client, session, held);
  await holdOn(client, random, reader ?? held);
}

/** The write lock is over when the read lock is there; where it does not come to that, it is still to be released. */
function downgrade(
  client: Client,
  session: Session,
  { lock, belief }: Held<WriteLock>,
): Promise<Held<ReadLock> | undefined> {
  const detail = { key: lock.key, token: Number(lock.fencingToken) };
  belief.close();
  const call = { kind: "rwmutex downgrade", name: lock.name, detail } as const;
  return client.recorder.operation(call, async () =>
    account(client, session, "read", await lock.downgrade()),
  );
}

function account<Lock extends ReadLock | WriteLock>(
  { recorder }: Client,
  session: Session,
  kind: "read" | "write",
  lock: Lock,
) {
  const about = { key: lock.key, token: Number(lock.fencingToken), lease: leaseOf(session) };
  const belief = new Belief(recorder, { kind, name: lock.name, ...about }, () => lock.held);
  return { outcome: "done", detail: about, value: { lock, belief } } as const;
}

async function holdOn(
  { recorder, stop }: Client,
  random: Random,
  { lock, belief }: Held<ReadLock | WriteLock>,
): Promise<void> {
  await pause(random.between(0, 150), stop);
  belief.close();
  const detail = { key: lock.key, token: Number(lock.fencingToken) };
  await recorder.operation({ kind: "rwmutex release", name: lock.name, detail }, async () => {
    await lock.release();
    return { outcome: "done" };
  });
}

function nameOf({ prefix }: Client): string {
  return `${prefix}rwmutex/a`;
}

function optionsOf({ name }: Client, signal: AbortSignal | undefined) {
  return { value: name, ...(signal && { signal }) };
}
