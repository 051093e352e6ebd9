import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect, Mutex, Session } from "@etcdkit/mutex";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");
const ttl = 2;
const seconds = (ms: number) => (ms / 1_000).toFixed(2);

await using etcd = connect({ hosts });
await using session = await Session.open(etcd, { ttl });
const mutex = new Mutex(session, "examples/take-over");

if (process.argv[2] === "hold") await hold();
else await takeOver();

async function hold(): Promise<void> {
  const lock = await mutex.lock();
  console.log(`process ${process.pid} holds the lock by token ${lock.fencingToken}`);
  // renewed in the background for as long as the process lives; if it does not, the lease is good for this long
  console.log(`its session has ${seconds(session.remainingMs)} s left of a TTL of ${ttl} s`);
  process.send?.("holds");
  await once(process, "disconnect");
}

async function takeOver(): Promise<void> {
  const holder = fork(fileURLToPath(import.meta.url), ["hold"]);
  await once(holder, "message", { signal: AbortSignal.timeout(30_000) });

  // SIGKILL: it has no chance to release anything, so the lock is free when etcd gives its lease up
  holder.kill("SIGKILL");
  const killed = performance.now();
  console.log(`process ${holder.pid} is killed`);

  await using lock = await mutex.lock();
  const after = seconds(performance.now() - killed);
  console.log(
    `process ${process.pid} holds the lock by token ${lock.fencingToken}, ${after} s later`,
  );
}
