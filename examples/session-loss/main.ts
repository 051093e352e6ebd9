import { setTimeout as sleep } from "node:timers/promises";
import { CoordinationError, connect, type Lock, Mutex, Session } from "@etcdkit/mutex";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");

await using etcd = connect({ hosts });

// each time the session is lost, or none can be opened, the work begins again with a new one
for (let attempt = 1; ; attempt++) {
  try {
    await once(attempt);
    break;
  } catch (error) {
    const code = error instanceof CoordinationError && error.code;
    if (code !== "SESSION_EXPIRED" && code !== "UNAVAILABLE") throw error;
    console.log(`attempt ${attempt} ended: ${error}`);
  }
}

async function once(attempt: number): Promise<void> {
  await using session = await Session.open(etcd, { ttl: 2 });
  await new Mutex(session, "examples/session-loss").withLock((lock) => work(lock, attempt));
}

async function work(lock: Lock, attempt: number): Promise<void> {
  console.log(`attempt ${attempt} works, token ${lock.fencingToken}`);
  if (attempt === 1) standStill(3_000);

  // reads the clock: the answer is right even though no timer has had a chance to run
  console.log(`attempt ${attempt} holds the lock: ${lock.held}`);

  // throws the signal's reason at once, if the lock is lost already
  await sleep(500, undefined, { signal: lock.signal }).catch((error) => {
    throw lock.signal.reason ?? error;
  });
  console.log(`attempt ${attempt} is done`);
}

/** As a long garbage collection, a busy loop, or a suspended machine would: nothing runs, no lease is renewed. */
function standStill(ms: number): void {
  console.log(`standing still for ${ms} ms, with a TTL of 2 s`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
