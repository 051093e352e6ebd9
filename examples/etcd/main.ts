import { once } from "node:events";
import { startEtcd } from "@etcdkit/testing";

const interrupted = Promise.race(["SIGINT", "SIGTERM", "SIGHUP"].map((by) => once(process, by)));
// no timer, no socket: something has to keep the program going
const alive = setInterval(() => undefined, 60_000);

await using server = await startEtcd({ own: true });
console.log(`etcd ${server.version} runs until Ctrl-C. For the examples, in another terminal:`);
console.log(`export ETCD_ENDPOINTS=${server.endpoints}`);

await interrupted;
clearInterval(alive);
