import { connect, Group, type MemberEvent } from "@etcdkit/liveness";

// Prints what becomes of the machines; ends with exit code 1 when one of those it is given dies.

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");
const needed = new Set(process.argv.slice(2));

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());

await using etcd = connect({ hosts });
const machines = new Group(etcd, "examples/machines");

// waits out an outage of etcd; what happened meanwhile is told then
for await (const event of machines.watch({ signal: stop.signal })) {
  console.log(`${new Date().toISOString()} ${inWords(event)}`);
  if (event.type === "died" && needed.has(event.id)) {
    process.exitCode = 1;
    break;
  }
}

function inWords(event: MemberEvent): string {
  switch (event.type) {
    case "joined": {
      const { host, pid, nodeVersion } = event.member.facts;
      return `${event.id} is alive (host ${host}, pid ${pid}, Node ${nodeVersion})`;
    }
    case "updated":
      return `${event.id} tells ${JSON.stringify(event.member.metadata)}`;
    case "suspected":
      return `${event.id} is suspected: at most ${event.remainingMs} ms until it counts as dead`;
    case "recovered":
      return `${event.id} is alive after all`;
    case "left":
      return `${event.id} left`;
    case "died":
      return `${event.id} died`;
    case "observer-suspected":
      return `${event.silent} of ${event.lookedAt} are silent: more likely it is etcd, or this machine`;
    case "observer-recovered":
      return "the silence was etcd's, or this machine's";
  }
}
