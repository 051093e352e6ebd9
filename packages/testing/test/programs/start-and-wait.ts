import { startEtcd } from "../../src/index.js";

// started by server.test.ts: reports its etcd, then ends in the way that is asked for
const server = await startEtcd({ own: true });
process.stdout.write(`${JSON.stringify({ pid: server.pid, folder: server.dataDir })}\n`);
const how = process.argv[2];
if (how === "uncaught") throw new Error("uncaught, as asked for");
// "exit" is a program that forgets to stop its server: it must be able to end all the same
if (how?.startsWith("SIG")) setInterval(() => undefined, 1_000);
