import { Barrier } from "@etcdkit/barrier";
import type { Random } from "../model/random.js";
import { Belief } from "./belief.js";
import type { Client } from "./client.js";
import { limit } from "./limit.js";
import { pause } from "./pause.js";
import { leaseOf, openSession } from "./sessions.js";

/** Holds a barrier for a while, or waits at it. */
export async function barrierTraffic(client: Client, random: Random): Promise<void> {
  const name = `${client.prefix}barrier/a`;
  while (!client.stop.aborted) {
    if (random.chance(0.4)) await holdOnce(client, random, name);
    else await waitOnce(client, random, name);
    await pause(random.between(50, 300), client.stop);
  }
}

async function waitOnce(client: Client, random: Random, name: string): Promise<void> {
  const cancel = random.chance(0.2) ? limit(random.between(1, 300)) : undefined;
  const call = { kind: "barrier wait", name, signal: cancel } as const;
  await client.recorder.operation(call, async () => {
    await new Barrier(client.etcd, name).wait(cancel ? { signal: cancel } : {});
    return { outcome: "done" };
  });
}

async function holdOnce(client: Client, random: Random, name: string): Promise<void> {
  const { recorder, stop } = client;
  // of its own, so that the key tells whose hold it is
  const session = await openSession(client);
  if (!session) return;
  const lease = leaseOf(session);
  const barrier = new Barrier(client.etcd, name);
  const onHolderLost = random.pick(["release", "fail"] as const);
  const call = { kind: "barrier hold", name, detail: { lease, value: onHolderLost } } as const;
  const belief = await recorder.operation(call, async () => {
    await barrier.hold({ session, onHolderLost });
    const about = { kind: "barrier", name, key: name, token: 0, lease } as const;
    return { outcome: "done", value: new Belief(recorder, about, () => session.remainingMs > 0) };
  });
  if (belief) {
    await pause(random.between(50, 500), stop);
    belief.close();
    await recorder.operation({ kind: "barrier release", name, detail: { lease } }, async () => {
      await barrier.release();
      return { outcome: "done" };
    });
  }
  await session.close();
}
