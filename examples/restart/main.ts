import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect, Mutex, Session } from "@etcdkit/mutex";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");
const name = "examples/restart";
const [leaseId] = process.argv.slice(2);

if (leaseId === undefined) await firstLife();
else await secondLife(BigInt(leaseId));

async function firstLife(): Promise<void> {
  await using etcd = connect({ hosts });
  const session = await Session.open(etcd, { ttl: 10 });
  const lock = await new Mutex(session, name).lock();
  console.log(`process ${process.pid} holds the lock by token ${lock.fencingToken}`);

  // goes without a word to etcd, as a crash would: lease and lock live on until the TTL is over
  session.orphan();
  await startAgain(session.leaseId);
}

async function secondLife(leaseId: bigint): Promise<void> {
  await using etcd = connect({ hosts });

  await using stranger = await Session.open(etcd, { ttl: 10 });
  const taken = await new Mutex(stranger, name).tryLock();
  console.log(`a stranger ${taken ? "gets" : "does not get"} the lock`);

  await using session = await Session.open(etcd, { leaseId });
  await using lock = await new Mutex(session, name).lock();
  console.log(`process ${process.pid} holds the lock by token ${lock.fencingToken}`);
}

/** What a supervisor does. The id of the lease would be kept in a file, or wherever else it survives. */
async function startAgain(leaseId: bigint): Promise<void> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), `${leaseId}`];
  const [code] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "exit");
  process.exitCode = code;
}
