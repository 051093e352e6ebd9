import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Lock, Mutex, Session } from "@etcdkit/mutex";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");
const name = "examples/wait-in-line";

await using etcd = connect({ hosts });

// each would be a process of its own; what they share here is the connection
async function contender(who: string): Promise<{ who: string; lock: Promise<Lock> }> {
  const session = await Session.open(etcd, { ttl: 10 });
  const mutex = new Mutex(session, name);
  const lock = mutex.lock({ value: who });
  // in line as soon as its key is there, long before it is its turn
  while (!(await mutex.contenders()).some(({ value }) => value.toString() === who)) await sleep(10);
  return { who, lock };
}

const line = [];
for (const who of ["ada", "ben", "cleo"]) line.push(await contender(who));

await using onlooker = await Session.open(etcd, { ttl: 10 });
const mutex = new Mutex(onlooker, name);
for (const { who, lock } of line) {
  const held = await lock;
  const [holder, ...waiting] = await mutex.contenders();
  console.log(
    `${holder?.value} holds by token ${holder?.fencingToken}, waiting: ` +
      (waiting.map(({ value }) => value).join(", ") || "nobody"),
  );
  if (held.fencingToken !== holder?.fencingToken) throw new Error(`${who} should hold`);
  await held.release();
}
console.log(`in line at the end: ${(await mutex.contenders()).length}`);
