import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Leadership, lead } from "@etcdkit/election";
import { Group } from "@etcdkit/liveness";
import { type Lock, Mutex, Session } from "@etcdkit/mutex";
import { type Report, STEPS, type Task } from "./task.js";

// One of the three: is seen to be alive, does the periodic work while it leads, and takes its turns at the lock, until SIGTERM.

const JOB_MS = 250;
const STEP_MS = 80;
const TELL_LEASE_MS = 200;

const task: Task = JSON.parse(process.argv[2] ?? "{}");
const { name, ttl } = task;
const stop = new AbortController();
const { signal } = stop;
process.on("SIGTERM", () => stop.abort());
// the demo is gone, however it went
process.on("disconnect", () => stop.abort());
// Ctrl-C reaches every process of a terminal, but it is the demo that ends this one
process.on("SIGINT", () => undefined);

const etcd = connect({ hosts: task.hosts });
try {
  const machines = new Group(etcd, task.group);
  await using _member = await machines.join({ id: name, ttl, signal });
  await Promise.all([
    lead(etcd, task.election, { value: name, ttl, signal }, doTheJobs).catch(fail),
    takeTurns().catch(fail),
  ]);
} catch (error) {
  fail(error);
} finally {
  await etcd.close();
}
// all is closed: what keeps this process is the channel to the demo
if (process.connected) process.disconnect();

/** What only one instance at a time does. */
async function doTheJobs(leadership: Leadership): Promise<void> {
  report({ type: "leads", fencingToken: leadership.fencingToken, at: now() });
  try {
    while (!leadership.signal.aborted) {
      const put = etcd.client.put(task.job).value(`by ${name}`).ignoreLease();
      // etcd may be away for a moment, and it leads on: thrown, that would end lead()
      const written = await leadership
        .guard()
        .then(put)
        .commit()
        .catch(() => undefined);
      // refused: it does not lead any more
      if (written && !written.succeeded) return;
      if (written) report({ type: "job", at: now() });
      await sleep(JOB_MS, undefined, { signal: leadership.signal }).catch(() => undefined);
    }
  } finally {
    report({ type: "led", at: now() });
  }
}

/** What all of them do, one at a time. */
async function takeTurns(): Promise<void> {
  await using session = await Session.open(etcd, { ttl });
  const mutex = new Mutex(session, task.lock);
  const tellLease = () => {
    const until = now() + BigInt(Math.round(session.remainingMs * 1e6));
    report({ type: "lease", until, at: now() });
  };
  const telling = setInterval(tellLease, TELL_LEASE_MS);
  try {
    while (!signal.aborted) await mutex.withLock(turn, { value: name, signal });
  } finally {
    clearInterval(telling);
  }
}

async function turn(lock: Lock): Promise<void> {
  report({ type: "began", fencingToken: lock.fencingToken, at: now() });
  const before = (await etcd.client.get(task.counter).number()) ?? 0;
  for (let done = 1; done <= STEPS; done++) {
    await sleep(STEP_MS, undefined, { signal: lock.signal });
    report({ type: "works", done, at: now() });
  }
  const put = etcd.client
    .put(task.counter)
    .value(before + 1)
    .ignoreLease();
  const { succeeded } = await lock.guard().then(put).commit();
  if (!succeeded) throw new Error("lost the lock; the write was refused");
  report({ type: "ended", at: now() });
}

function report(what: Report): void {
  // to a demo that is gone nothing needs to be told
  if (process.connected) process.send?.(what, undefined, undefined, () => undefined);
}

function now(): bigint {
  return process.hrtime.bigint();
}

/** One part that fails ends the others, and all of it. */
function fail(error: unknown): void {
  if (signal.aborted) return;
  process.stderr.write(`${name}: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
  stop.abort();
}
