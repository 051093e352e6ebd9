import { writeSync } from "node:fs";
import { connect, RWMutex, Session } from "@etcdkit/rwmutex";
import type { VictimMessage, VictimOptions } from "../victim.js";

// Asks for a lock and says what becomes of it, until it is killed; told to by SIGUSR2, it waits to be frozen, and looks around
// when it wakes.

const { hosts, name, ttl, kind } = JSON.parse(process.argv[2] ?? "") as VictimOptions;

// written at once, also while the event loop stands still
const say = (message: VictimMessage) => writeSync(1, `${JSON.stringify(message)}\n`);

const etcd = connect({ hosts });
const session = await Session.open(etcd, { ttl });
const rwmutex = new RWMutex(session, name);
say({ what: "asking", leaseId: `${session.leaseId}` });
const asking = kind === "read" ? rwmutex.readLock() : rwmutex.writeLock();
const lock = await asking.catch((error) => say({ what: "rejected", reason: error.name }));

if (typeof lock === "object") {
  say({ what: "holding", fencingToken: `${lock.fencingToken}` });
  process.once("SIGUSR2", () => {
    say({ what: "ready to freeze" });
    // no timer and no answer of etcd gets a turn from here to the first look
    const nap = new Int32Array(new SharedArrayBuffer(4));
    let before = performance.now();
    for (let now = before; now - before < 1_000; now = performance.now()) {
      before = now;
      Atomics.wait(nap, 0, 0, 10);
    }
    const { held, signal } = lock;
    say({ what: "first look", held, reason: `${signal.reason?.name}`, guard: thrownByGuard() });
  });
}

function thrownByGuard(): string {
  try {
    if (typeof lock === "object") lock.guard();
    return "nothing";
  } catch (error) {
    return (error as Error).name;
  }
}
