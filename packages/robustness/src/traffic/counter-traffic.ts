import type { Random } from "../model/random.js";
import type { Client } from "./client.js";
import { lock, release } from "./locking.js";
import { pause } from "./pause.js";
import { writeFenced } from "./register.js";
import { Sessions } from "./sessions.js";

/**
 * The well-known mistake, and its cure: under a lock read a counter, think, write it one higher. The plain write of a process
 * that was frozen while it thought undoes what others have counted since; the write through `guard()` is refused.
 */
export async function counterTraffic(client: Client, random: Random): Promise<void> {
  await using sessions = new Sessions(client);
  for (let turn = 1; !client.stop.aborted; turn++) {
    const session = await sessions.current();
    const held = session && (await lock(client, session, `${client.prefix}mutex/counters`));
    if (held) {
      const by = `${client.name}/${turn}`;
      const [unfenced, fenced] = [
        `${client.prefix}counter/unfenced`,
        `${client.prefix}counter/fenced`,
      ];
      const plain = await read(client, unfenced);
      const guarded = await read(client, fenced);
      await pause(random.between(100, 300), client.stop);
      // without a look: that is the mistake
      if (plain !== undefined) await writePlain(client, unfenced, `${plain + 1} ${by}`);
      if (guarded !== undefined) {
        await writeFenced(client, held.lock, fenced, `${guarded + 1} ${by}`, "counter write");
      }
      await release(client, held);
    }
    await pause(random.between(50, 200), client.stop);
  }
}

/** `<count> <who wrote it>`, or nothing yet. */
function read({ etcd, recorder }: Client, name: string): Promise<number | undefined> {
  return recorder.operation({ kind: "register read", name, otherwise: "unknown" }, async () => {
    const value = (await etcd.client.get(name).string()) ?? "0";
    return { outcome: "done", detail: { value }, value: Number.parseInt(value, 10) };
  });
}

async function writePlain({ etcd, recorder }: Client, name: string, value: string): Promise<void> {
  const detail = { value, fenced: false };
  await recorder.operation(
    { kind: "counter write", name, detail, otherwise: "unknown" },
    async () => {
      const { header } = await etcd.client.put(name).value(value);
      return { outcome: "done", detail: { revision: Number(header.revision) } };
    },
  );
}
