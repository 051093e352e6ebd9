import { freemem, hostname, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, Group, type JsonObject, type Member } from "@etcdkit/liveness";

// To run on each machine: as long as this process lives, the machine is seen to be alive.

const hosts = (process.env.ETCD_ENDPOINTS ?? "127.0.0.1:2379").split(",");
const [id = hostname()] = process.argv.slice(2);
const TELL_MS = 10_000;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());

await using etcd = connect({ hosts });
const machines = new Group(etcd, "examples/machines");

// host, pid, addresses and versions are told without asking. An agent that is started again takes its own place
const options = { id, ttl: 5, metadata: load(), takeOver: true, signal: stop.signal };
const member = await machines.join(options).catch((error: unknown) => {
  // told to stop before etcd had answered: that is no error
  if (!stop.signal.aborted) throw error;
});
if (member) await stay(member);

async function stay(member: Member): Promise<void> {
  console.log(`${id} is seen to be alive`);
  while (!member.signal.aborted) {
    await sleep(TELL_MS, undefined, { signal: member.signal }).catch(() => undefined);
    // kept and written later where etcd is away
    if (!member.signal.aborted) {
      await member.update(load()).catch((error: unknown) => console.error(`${error}`));
    }
  }
  if (stop.signal.aborted) {
    console.log(`${id} says goodbye`);
  } else {
    console.error(member.signal.reason.message);
    process.exitCode = 1;
  }
}

function load(): JsonObject {
  return { load: loadavg()[0] ?? 0, freeMiB: Math.round(freemem() / 2 ** 20) };
}
