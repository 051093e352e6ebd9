import { once } from "node:events";
import { connect, Mutex, Session } from "@etcdkit/mutex";
import { countOnce } from "../count-once.js";

// Counts once. Having read it says "thinking", and it writes when it is told to.

const { hosts, name, ttl } = JSON.parse(process.argv[2] ?? "") as {
  hosts: string[];
  name: string;
  ttl: number;
};
process.once("disconnect", () => process.exit(1));
const etcd = connect({ hosts });
const mutex = new Mutex(await Session.open(etcd, { ttl }), name);
const guarded = await countOnce(etcd, mutex, async () => {
  process.send?.("thinking");
  await once(process, "message");
});
process.send?.(guarded);
