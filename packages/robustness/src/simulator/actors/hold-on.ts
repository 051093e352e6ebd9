import type { Holding } from "@etcdkit/core";
import { promptly } from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import type { Share } from "../checks/holdings.js";
import type { Scene } from "../scene.js";

/** Holds for a while, looks now and then as a user would, and writes what only who holds may write. Returns what ends the checks. */
export async function holdOn(
  scene: Scene,
  session: Session,
  holding: Holding,
  share: Share,
): Promise<() => void> {
  const lease = leaseOf(session);
  const giveUp = scene.stage.holdings.add(scene.client, lease, holding, share);
  const looks = scene.random.below(4);
  for (let look = 0; look < looks && holding.held; look++) {
    await scene.pause(0, scene.random.pick([5, 100, 1_000, 4_000]));
    if (share === "alone" && holding.held && scene.random.chance(0.3)) {
      await scene.attempt("write what is guarded", () => writeGuarded(scene, holding));
    }
  }
  return giveUp;
}

/** As `guard()` does: etcd compares our ownership at the moment of the write. */
async function writeGuarded(scene: Scene, { name, key, fencingToken }: Holding): Promise<void> {
  const register = { key: Buffer.from(`register-of-${name}`) };
  const own = { key: Buffer.from(key), createRevision: fencingToken };
  const txn = {
    compare: [own],
    success: [{ range: register }, { put: { ...register, value: Buffer.from(`${fencingToken}`) } }],
    failure: [],
  };
  const { connection, stage } = scene;
  const patience = promptly(connection.clock, "guarded write");
  const { results } = await connection.call((etcd, call) => etcd.txn(txn, call), patience);
  const before = results[0]?.range?.kvs[0];
  if (before && BigInt(before.value.toString()) > fencingToken) {
    stage.violations.add(`a guarded write of ${name} by ${fencingToken} after ${before.value}`);
  }
}
