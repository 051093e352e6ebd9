import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { connect, Group } from "@etcdkit/liveness";
import type { MembersMessage, MembersOptions } from "../members.js";

// Some members on one connection. Told to by a line on stdin, they leave; else they are there until the process dies.

const { hosts, name, ids, ttl } = JSON.parse(process.argv[2] ?? "") as MembersOptions;

const say = (message: MembersMessage) => writeSync(1, `${JSON.stringify(message)}\n`);

const etcd = connect({ hosts });
const group = new Group(etcd, name);
const members = await Promise.all(ids.map((id) => group.join({ id, ttl })));
say({ what: "joined" });

for await (const line of createInterface(process.stdin)) {
  if (line === "states") say({ what: "states", states: members.map(({ state }) => state) });
  if (line === "leave") break;
}
process.stdin.destroy();
await etcd.close();
say({ what: "left" });
