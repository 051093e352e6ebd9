import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Lock, Mutex, Session } from "@etcdkit/mutex";
import { type Report, STEPS, type Task } from "./task.js";

// One of the three: takes the lock, does a turn's work, releases, and gets in line again until told to leave.

const STEP_MS = 80;

const task: Task = JSON.parse(process.argv[2] ?? "{}");
const leaving = new AbortController();
process.on("message", () => leaving.abort());
// the demo is gone, however it went
process.on("disconnect", () => leaving.abort());
// Ctrl-C reaches every process of a terminal, but it is the demo that ends this one
process.on("SIGINT", () => undefined);

function report(what: Report): void {
  // to a demo that is gone nothing needs to be told
  if (process.connected) process.send?.(what, undefined, undefined, () => undefined);
}

try {
  await work();
} catch (error) {
  if (error !== leaving.signal.reason) {
    process.stderr.write(`${task.name}: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
// all is closed: what keeps this process is the channel to the demo
if (process.connected) process.disconnect();

async function work(): Promise<void> {
  await using etcd = connect({ hosts: task.hosts });
  await using session = await Session.open(etcd, { ttl: task.ttl });
  const mutex = new Mutex(session, task.lock);
  const now = () => ({ at: process.hrtime.bigint(), remainingMs: session.remainingMs });

  while (!leaving.signal.aborted) {
    await mutex.withLock(turn, { value: task.name, signal: leaving.signal });
  }

  async function turn(lock: Lock): Promise<void> {
    report({ type: "began", fencingToken: lock.fencingToken, ...now() });
    const before = (await etcd.client.get(task.counter).number()) ?? 0;
    for (let done = 1; done <= STEPS; done++) {
      await sleep(STEP_MS, undefined, { signal: lock.signal });
      report({ type: "works", done, ...now() });
    }
    const put = etcd.client.put(task.counter).value(before + 1);
    const { succeeded } = await lock.guard().then(put.ignoreLease()).commit();
    if (!succeeded) throw new Error("lost the lock; the write was refused");
    report({ type: "ended", at: process.hrtime.bigint() });
  }
}
