import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Lock, Mutex, Session, SessionExpiredError } from "@etcdkit/mutex";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");

await using etcd = connect({ hosts });

// each time the session is lost, the work is stopped, and begins again with a new session
for (let attempt = 1; ; attempt++) {
  await using session = await Session.open(etcd, { ttl: 2 });
  try {
    await new Mutex(session, "examples/session-loss").withLock((lock) => work(lock, attempt));
    break;
  } catch (error) {
    if (!(error instanceof SessionExpiredError)) throw error;
    console.log(`attempt ${attempt} lost its session (${session.state}): ${error.message}`);
  }
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
