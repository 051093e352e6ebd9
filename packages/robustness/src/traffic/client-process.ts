import { setMaxListeners } from "node:events";
import { connect } from "@etcdkit/session";
import { Random } from "../model/random.js";
import { barrierTraffic } from "./barrier-traffic.js";
import type { Client, Traffic } from "./client.js";
import { counterTraffic } from "./counter-traffic.js";
import { doubleBarrierTraffic } from "./double-barrier-traffic.js";
import { electionTraffic, observerTraffic } from "./election-traffic.js";
import { livenessTraffic, watchTraffic } from "./liveness-traffic.js";
import { mutexTraffic, probeTraffic } from "./mutex-traffic.js";
import type { ClientCommand, ClientNews, ClientOrder } from "./order.js";
import { Recorder } from "./recorder.js";
import { rwmutexTraffic } from "./rwmutex-traffic.js";

// One client process: all kinds of traffic on one connection, until it is told to stop; or whatever else happens to it.

/** Of a user's own reads and writes, which etcd3 gives no deadline: a frozen member would keep them for ever. */
const DEADLINE_MS = 3_000;
/** How often a process that was told to stop says what keeps it. */
const PENDING_MS = 1_000;

const traffic: Record<string, Traffic> = {
  probe: probeTraffic,
  mutex: mutexTraffic,
  counter: counterTraffic,
  election: electionTraffic,
  observer: observerTraffic,
  rwmutex: rwmutexTraffic,
  barrier: barrierTraffic,
  rounds: doubleBarrierTraffic,
  liveness: livenessTraffic,
  watch: watchTraffic,
};

const { file, hosts, seed, ...order } = JSON.parse(process.argv[2] ?? "{}") as ClientOrder;
const stop = new AbortController();
// all kinds of traffic listen to it
setMaxListeners(100, stop.signal);
const recorder = new Recorder(file);
const etcd = connect({
  hosts,
  defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + DEADLINE_MS }),
});
const client: Client = { ...order, etcd, recorder, stop: stop.signal };
const say = (news: ClientNews) => void process.send?.(news);

process.on("message", (command: ClientCommand) => {
  if (command.do === "stop") stop.abort();
  // the event loop stands still, as in a long computation
  else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, command.ms);
});
// the run is gone, however it went
const orphaned = () => process.exit(1);
process.on("disconnect", orphaned);
// Ctrl-C reaches every process of a terminal, but it is the run that ends this one
process.on("SIGINT", () => undefined);

stop.signal.addEventListener("abort", () => {
  const tell = () => say({ news: "pending", pending: recorder.pending });
  setInterval(tell, PENDING_MS).unref();
});
say({ news: "ready" });
await Promise.all(
  Object.entries(traffic).map(([kind, run]) => run(client, new Random(`${seed} ${kind}`))),
);
await etcd.close();
recorder.close();
process.off("disconnect", orphaned);
process.disconnect();
