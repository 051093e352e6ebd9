import { Mutex } from "@etcdkit/mutex";
import { Session } from "@etcdkit/session";
import type { Scene } from "../scene.js";
import { holdOn } from "./hold-on.js";

/** Opens sessions, leaves some to etcd and takes them up again, as a restarted process does, with the lock it had. */
export async function handSessionsOn(scene: Scene): Promise<void> {
  const { connection, name } = scene;
  let leaseId: bigint | undefined;
  while (!scene.ending) {
    const adopted = leaseId;
    const session = await scene.attempt("open a session", () =>
      Session.open(connection, adopted === undefined ? { ttl: 3 } : { leaseId: adopted }),
    );
    leaseId = undefined;
    if (!session) continue;
    const mutex = new Mutex(session, `${name}-${scene.plan.seed}`);
    const lock = await scene.attempt("lock", () => mutex.lock());
    if (lock) {
      const giveUp = await holdOn(scene, session, lock, "alone");
      await scene.pause(0, 1_500);
      giveUp();
    }
    const end = scene.random.fraction();
    if (end < 0.4) {
      leaseId = session.leaseId;
      session.orphan();
    } else if (end < 0.7 && lock) await lock.release();
    if (leaseId === undefined) await scene.close(session);
    await scene.pause(0, 1_000);
  }
}
