import type { Random } from "../model/random.js";
import type { Fault, Scene } from "./scene.js";

const lane = "operator";
const TRIES = 5;

/** What a careless operator does to keys. */
export const operatorFaults: readonly Fault[] = [
  {
    kind: "delete a key",
    lane,
    strike: async (scene, random) => {
      const found = await someKey(scene, random);
      if (!found) return undefined;
      const { key, createRevision } = found;
      const { operator } = scene;
      const deletion = operator
        .if(key, "Create", "==", createRevision)
        .then(operator.delete().key(key));
      await tried(() => deletion.commit());
      return { target: key, deleted: { key, token: Number(createRevision) } };
    },
  },
  {
    kind: "revoke a lease",
    lane,
    strike: async (scene, random) => {
      const found = await someKey(scene, random);
      if (!found || found.lease === "0") return undefined;
      await tried(() => scene.operator.leaseClient.leaseRevoke({ ID: found.lease }));
      return { target: found.key, revoked: BigInt(found.lease).toString(16) };
    },
  },
  {
    kind: "compact",
    lane,
    strike: async ({ auditor, operator }, random) => {
      // all of history at times, and at times what clients that were cut off may still ask for
      const revision = Math.max(1, auditor.revision - random.pick([0, 200]));
      await tried(() => operator.kv.compact({ revision: String(revision), physical: true }));
      return { target: "all", compacted: revision };
    },
  },
];

interface Found {
  key: string;
  createRevision: string;
  lease: string;
}

/** A key that somebody holds, or waits with. */
async function someKey({ operator, prefix }: Scene, random: Random): Promise<Found | undefined> {
  const kind = random.pick(["mutex/", "election/", "rwmutex/", "rounds/", "group/", "barrier/"]);
  const read = () => operator.getAll().prefix(`${prefix}${kind}`).exec();
  const kvs = (await tried(read))?.kvs ?? [];
  const leased = kvs.filter(({ key, lease }) => lease !== "0" && !`${key}`.includes("/left/"));
  if (leased.length === 0) return undefined;
  const { key, create_revision, lease } = random.pick(leased);
  return { key: `${key}`, createRevision: create_revision, lease };
}

/** Each member has its chance; that none answers is no harm: another fault is at work. */
async function tried<T>(call: () => Promise<T>): Promise<T | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      return await call();
    } catch {
      // which member is asked is left to chance
    }
  }
  return undefined;
}
