import type { Random } from "../model/random.js";
import type { Client } from "./client.js";
import { limit } from "./limit.js";
import { lock, release } from "./locking.js";
import { pause } from "./pause.js";
import { writeFenced } from "./register.js";
import { Sessions } from "./sessions.js";

/** Contended locks, each with the register that it protects: lock, tryLock, cancelled waits, holds of all lengths. */
export async function mutexTraffic(client: Client, random: Random): Promise<void> {
  await using sessions = new Sessions(client);
  for (let turn = 1; !client.stop.aborted; turn++) {
    const session = await sessions.current();
    if (session) {
      const letter = random.pick(["a", "b"]);
      const held = await lock(client, session, `${client.prefix}mutex/${letter}`, how(random));
      if (held) {
        const writes = Math.floor(random.between(0, 3));
        for (let write = 0; write < writes && held.belief.look(); write++) {
          const value = `${client.name}/${turn}.${write}`;
          await writeFenced(client, held.lock, `${client.prefix}register/${letter}`, value);
        }
        await pause(random.between(0, 150), client.stop);
        await release(client, held);
      }
    }
    await pause(random.between(50, 400), client.stop);
  }
}

function how(random: Random): { signal?: AbortSignal; wait?: boolean } {
  if (random.chance(0.25)) return { wait: false };
  if (random.chance(0.3)) return { signal: limit(random.between(1, 300)) };
  return {};
}

/**
 * A lock that nobody else wants, again and again: how long etcd's faults keep a client from its work is seen here. Nothing is written
 * under it, as that would take etcd3's own client, which stays with a frozen member until its deadline.
 */
export async function probeTraffic(client: Client, random: Random): Promise<void> {
  await using sessions = new Sessions(client);
  const name = `${client.prefix}probe/${client.name}`;
  while (!client.stop.aborted) {
    const session = await sessions.current();
    const held = session && (await lock(client, session, name));
    if (held) await release(client, held);
    await pause(random.between(100, 200), client.stop);
  }
}
