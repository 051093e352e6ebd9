import { setTimeout as sleep } from "node:timers/promises";
import { connect, Mutex, Session } from "@etcdkit/mutex";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");

// all three are closed at the end of the program, the last one first
await using etcd = connect({ hosts });
await using session = await Session.open(etcd, { ttl: 10 });
const mutex = new Mutex(session, "examples/lock");

{
  // waits for its turn, a minute at most; run this twice at once to see it
  await using lock = await mutex.lock({ signal: AbortSignal.timeout(60_000) });
  console.log(`locked, fencing token ${lock.fencingToken}`);

  // whatever takes long gets the signal: it aborts when the lock is lost
  for (const step of [1, 2, 3]) {
    await sleep(500, undefined, { signal: lock.signal });
    console.log(`working, step ${step} of 3`);
  }
} // released here, also when the work throws
console.log("released");

// the same with a callback
const answer = await mutex.withLock(() => 6 * 7);
console.log(`worked out under the lock: ${answer}`);

// not waiting at all: undefined if somebody else holds it
const lock = await mutex.tryLock();
console.log(lock ? "it was free" : "somebody else holds it");
await lock?.release();
