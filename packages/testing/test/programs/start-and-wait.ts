import childProcess, { type ChildProcess } from "node:child_process";
import { writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { startEtcd } from "../../src/index.js";

// started by server.test.ts: reports its etcd, then ends in the way that is asked for
const how = process.argv[2];
if (how === "SIGKILL at once") dieWithinTheSpawn();
const server = await startEtcd({ own: true });
report(server.pid, server.dataDir);
if (how === "uncaught") throw new Error("uncaught, as asked for");
// "exit" is a program that forgets to stop its server: it must be able to end all the same
if (how?.startsWith("SIG")) setInterval(() => undefined, 1_000);

function report(pid: number | undefined, folder: string | undefined): void {
  writeSync(1, `${JSON.stringify({ pid, folder })}\n`);
}

/** The earliest death there is: etcd has just been spawned, and nothing was done after it. */
function dieWithinTheSpawn(): void {
  const { spawn } = childProcess;
  const deadly = (command: string, args: string[], options: object): ChildProcess => {
    const child = spawn(command, args, options);
    const data = args.find((arg) => arg.startsWith("--data-dir="));
    if (data === undefined) return child;
    report(child.pid, data.replace(/^--data-dir=(.*)\/data$/, "$1"));
    process.kill(process.pid, "SIGKILL");
    return child;
  };
  Object.assign(childProcess, { spawn: deadly });
  syncBuiltinESMExports();
}
