// Prints the ports that another process is given, which would begin where ours did, and lives until its input ends.
const [count, pid] = process.argv.slice(2).map(Number);
Object.defineProperty(process, "pid", { value: pid });
const { freePorts } = await import("../../src/ports.js");
console.log(JSON.stringify(await freePorts(count ?? 0)));
process.stdin.resume();
