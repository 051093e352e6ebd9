import { writeSync } from "node:fs";
import { connect, Mutex, Session } from "@etcdkit/mutex";
import type { HolderMessage, HolderOptions } from "../holder.js";

// Locks, says so, and holds on until it is killed; told to by SIGUSR2, it waits to be frozen, and looks around when it wakes.

const options = JSON.parse(process.argv[2] ?? "") as HolderOptions;
const { hosts, name, ttl } = options;

// written at once, also while the event loop stands still
const say = (message: HolderMessage) => writeSync(1, `${JSON.stringify(message)}\n`);

const etcd = connect({ hosts });
const session = await Session.open(etcd, { ttl });
const lock = await new Mutex(session, name).lock();
const early = lock.guard().then(etcd.client.put(`${name}-written`).value("after the freeze"));

process.once("SIGUSR2", () => {
  say({ what: "ready to freeze" });
  // no timer and no answer of etcd gets a turn from here to the first look
  const nap = new Int32Array(new SharedArrayBuffer(4));
  for (
    let before = performance.now(), now = before;
    now - before < 1_000;
    now = performance.now()
  ) {
    before = now;
    Atomics.wait(nap, 0, 0, 10);
  }
  const { held } = lock;
  say({
    what: "first look",
    held,
    aborted: lock.signal.aborted,
    reason: `${lock.signal.reason?.name}`,
  });
  say({ what: "guard", threw: thrownBy(() => lock.guard()) });
  early.commit().then(
    ({ succeeded }) => say({ what: "early guard", succeeded }),
    (error) => say({ what: "failed", error: `${error}` }),
  );
});

say({
  what: "holding",
  key: lock.key,
  leaseId: `${session.leaseId}`,
  fencingToken: `${lock.fencingToken}`,
});

function thrownBy(act: () => unknown): string {
  try {
    act();
    return "nothing";
  } catch (error) {
    return (error as Error).name;
  }
}
