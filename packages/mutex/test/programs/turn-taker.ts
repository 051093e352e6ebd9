import { open, readFile, unlink, writeFile } from "node:fs/promises";
import { connect, type Lock, Mutex, Session } from "@etcdkit/mutex";
import type { TurnMessage, TurnTakerOptions } from "../take-turns.js";

// Some contenders on one connection, each with a session of its own. Ends by itself once all turns are done.

const options = JSON.parse(process.argv[2] ?? "") as TurnTakerOptions;
const { hosts, name, ttl, counter, marker } = options;

const say = (message: TurnMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);
// the same clock in every process of this machine
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

const etcd = connect({ hosts });
await Promise.all(
  options.turns.map((turns) =>
    contend(turns).catch((error) => say({ what: "failed", error: `${error}` })),
  ),
);
await etcd.close();

async function contend(turns: number): Promise<void> {
  const session = await Session.open(etcd, { ttl });
  const mutex = new Mutex(session, name);
  for (let turn = 0; turn < turns; turn++) {
    await mutex.withLock((lock) => haveTurn(lock, session));
  }
}

async function haveTurn(lock: Lock, { leaseId }: Session): Promise<void> {
  const enteredAtMs = nowMs();
  const first = await enter();
  const number = Number(await readFile(counter, "utf8"));
  await writeFile(counter, `${number + 1}`);
  if (first) await unlink(marker);
  say({
    what: "turn",
    number,
    leaseId: `${leaseId}`,
    fencingToken: `${lock.fencingToken}`,
    enteredAtMs,
    leftAtMs: nowMs(),
    overlapped: !first,
    lost: !lock.held,
  });
}

/** False if somebody is in. */
async function enter(): Promise<boolean> {
  try {
    await (await open(marker, "wx")).close();
    return true;
  } catch {
    return false;
  }
}
