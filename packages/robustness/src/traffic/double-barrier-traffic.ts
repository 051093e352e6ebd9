import { DoubleBarrier } from "@etcdkit/barrier";
import type { Random } from "../model/random.js";
import type { Client } from "./client.js";
import { limit } from "./limit.js";
import { pause } from "./pause.js";
import { leaseOf, openSession } from "./sessions.js";

/** Round after round with the others: all but one of the clients make a round, so that one may be away. */
export async function doubleBarrierTraffic(client: Client, random: Random): Promise<void> {
  const { recorder, stop } = client;
  const name = `${client.prefix}rounds/a`;
  const count = client.clients - 1;
  while (!stop.aborted) {
    // of its own, so that its key tells this round from the others
    const session = await openSession(client);
    if (session) {
      const barrier = new DoubleBarrier(session, name, { count });
      const detail = { lease: leaseOf(session), count };
      // the others may have stopped for good
      const signal = limit(random.between(1_000, 4_000), stop);
      const enter = { kind: "double barrier enter", name, detail, signal } as const;
      const entered = await recorder.operation(enter, async () => {
        await barrier.enter({ signal });
        return { outcome: "done", value: true };
      });
      if (entered) {
        await pause(random.between(0, 100), stop);
        await recorder.operation({ kind: "double barrier leave", name, detail }, async () => {
          await barrier.leave();
          return { outcome: "done" };
        });
      }
      await session.close();
    }
    await pause(random.between(100, 400), stop);
  }
}
