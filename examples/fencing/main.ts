import { connect, Mutex, Session } from "@etcdkit/mutex";
import { Ledger } from "./ledger.js";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");
const name = "examples/fencing/lock";
const stateKey = "examples/fencing/state";

await using etcd = connect({ hosts });
await using slowSession = await Session.open(etcd, { ttl: 10 });
await using quickSession = await Session.open(etcd, { ttl: 10 });
const ledger = new Ledger();

// slow holds the lock, has looked at it, and is about to write: once into etcd, once elsewhere …
const slow = await new Mutex(slowSession, name).lock();
const slowWrite = slow.guard().then(etcd.client.put(stateKey).value("by slow"));

// … when it loses the lock. Here an operator deletes its key; a long pause would do the same.
await etcd.client.delete().key(slow.key);

const quick = await new Mutex(quickSession, name).lock();
console.log(`slow had token ${slow.fencingToken}, quick has ${quick.fencingToken}, a larger one`);

const outcome = (written: boolean) => (written ? "written" : "refused");
const quickWrite = quick.guard().then(etcd.client.put(stateKey).value("by quick"));
console.log(`quick's write into etcd: ${outcome((await quickWrite.commit()).succeeded)}`);
console.log(`quick's write elsewhere: ${outcome(ledger.write("by quick", quick.fencingToken))}`);

// only now do slow's writes arrive
console.log(`slow's write into etcd: ${outcome((await slowWrite.commit()).succeeded)}`);
console.log(`slow's write elsewhere: ${outcome(ledger.write("by slow", slow.fencingToken))}`);

console.log(`etcd has "${await etcd.client.get(stateKey)}", the ledger "${ledger.entries}"`);
await quick.release();
await etcd.client.delete().key(stateKey);
