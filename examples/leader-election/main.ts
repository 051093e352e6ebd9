import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Leader, LeaderHealth, type Leadership, lead } from "@etcdkit/election";

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");
const port = Number(process.env.PORT ?? 0);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());

const health = new LeaderHealth();
let leader: Leader | undefined;
let leading: Leadership | undefined;

const server = createServer(({ url }, response) => {
  if (url === "/healthz") {
    // unhealthy only while it leads and cannot renew: to wait, or to be without etcd, is no reason to be restarted
    response.writeHead(health.healthy ? 200 : 503).end(`${health.problem ?? "ok"}\n`);
  } else if (url === "/leader" && leader) {
    const address = leader.value.toString();
    // reads the clock: one that is cut off from etcd knows that it does not lead any more; one that leads already may not have
    // heard of that here, and the leader it knows of be another, or itself in an earlier term
    const self = leading?.fencingToken === leader.fencingToken && leading.held;
    const answer = { address, fencingToken: `${leader.fencingToken}`, self };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  } else {
    const known = url === "/leader";
    response.writeHead(known ? 503 : 404).end(known ? "nobody leads\n" : "not found\n");
  }
});
await once(server.listen(port, "127.0.0.1"), "listening");
const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
console.log(`${own} answers /healthz and /leader`);

try {
  await using etcd = connect({ hosts });
  await lead(
    etcd,
    "examples/leader-election",
    {
      value: own,
      ttl: 5,
      signal: stop.signal,
      health,
      onChange: (event) => {
        if (event.type === "leader") leader = event.leader;
        if (event.type === "started") leading = event.leadership;
        if (event.type === "stopped") {
          leading = undefined;
          console.log(`stopped leading (${event.why})`);
        }
        if (event.type === "retrying") console.log(`campaigns again: ${event.error}`);
      },
    },
    work,
  );
} finally {
  // resigned by now, so that the next one leads already
  server.close();
  server.closeAllConnections();
}

/** What only one instance at a time does. It should end soon after the signal aborts: nobody waits for it longer than the TTL. */
async function work(leadership: Leadership): Promise<void> {
  console.log(`leads, fencing token ${leadership.fencingToken}`);
  while (!leadership.signal.aborted) {
    // hand the token along with each write, or write within leadership.guard(), to have a late one refused
    await sleep(1_000, undefined, { signal: leadership.signal }).catch(() => undefined);
  }
}
