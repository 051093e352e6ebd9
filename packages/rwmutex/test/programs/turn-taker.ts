import { readdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type ReadLock, RWMutex, Session, type WriteLock } from "@etcdkit/rwmutex";
import type { Kind, TurnMessage, TurnTakerOptions } from "../take-turns.js";

// Some readers and writers on one connection, each with a session of its own. Ends by itself once all turns are done.

const { hosts, name, folder, contenders } = JSON.parse(process.argv[2] ?? "") as TurnTakerOptions;

const say = (message: TurnMessage) => process.stdout.write(`${JSON.stringify(message)}\n`);
// the same clock in every process of this machine
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
// long enough that others would come in beside it if they could
const STAY_MS = 2;

const etcd = connect({ hosts });
await Promise.all(
  contenders.map(({ kind, turns }) =>
    contend(kind, turns).catch((error) => say({ what: "failed", error: `${error}` })),
  ),
);
await etcd.close();

async function contend(kind: Kind, turns: number): Promise<void> {
  const session = await Session.open(etcd, { ttl: 10 });
  const rwmutex = new RWMutex(session, name);
  for (let turn = 0; turn < turns; turn++) {
    const askedAtMs = nowMs();
    const haveTurn = (lock: ReadLock | WriteLock) => stay(kind, lock, askedAtMs);
    await (kind === "read" ? rwmutex.withReadLock(haveTurn) : rwmutex.withWriteLock(haveTurn));
  }
}

async function stay(kind: Kind, lock: ReadLock | WriteLock, askedAtMs: number): Promise<void> {
  const enteredAtMs = nowMs();
  const mark = join(folder, kind, `${lock.fencingToken}`);
  // who is in has its mark before it looks: of two who are in at once, one sees the other
  await writeFile(mark, "", { flag: "wx" });
  const first = await others();
  await sleep(STAY_MS);
  const last = await others();
  await unlink(mark);
  const leftAtMs = nowMs();
  const { key, fencingToken, held } = lock;
  say({
    what: "turn",
    kind,
    key,
    fencingToken: `${fencingToken}`,
    askedAtMs,
    enteredAtMs,
    leftAtMs,
    beside: { read: Math.max(first.read, last.read), write: Math.max(first.write, last.write) },
    lost: !held,
  });

  async function others(): Promise<Record<Kind, number>> {
    const [read, write] = await Promise.all([
      readdir(join(folder, "read")),
      readdir(join(folder, "write")),
    ]);
    return {
      read: read.length,
      write: write.length,
      [kind]: (kind === "read" ? read : write).length - 1,
    };
  }
}
