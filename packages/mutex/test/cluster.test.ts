import { type EtcdCluster, type EtcdServer, eventually, startCluster } from "@etcdkit/testing";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { lineHistory, type Stay } from "./line-history.js";
import { expectTurns, longestGapMs, takeTurns } from "./take-turns.js";

const TURNS = Number(process.env.TURNS ?? 2_000);

// seconds: a leader that was frozen until a lease of its had run out ends it when it wakes, though another has renewed it
// (etcd-io/etcd#15247), and a busy machine may take ten seconds to thaw it
const TTL = 20;

/** How long it may take us, on top of what it takes etcd, until another member serves. */
const FAILOVER_MS = 2_000;

interface Fault {
  what: string;
  who: "leader" | "follower";
  break: (member: EtcdServer) => Promise<void>;
  mend: (member: EtcdServer) => Promise<void> | void;
}

const kill = {
  break: (member: EtcdServer) => member.kill(),
  mend: (member: EtcdServer) => member.restart(),
};
const freeze = {
  break: (member: EtcdServer) => member.pause(),
  mend: (member: EtcdServer) => member.resume(),
};

const faults: Fault[] = [
  { what: "the leader is killed", who: "leader", ...kill },
  { what: "the leader is frozen", who: "leader", ...freeze },
  { what: "a follower is frozen", who: "follower", ...freeze },
];

test.for(faults.map((fault) => [fault.what, fault] as const))(
  "%s meanwhile: no session is lost and no turn, and none is long in coming",
  { timeout: 120_000 },
  async ([, fault]) => {
    await using cluster = await startCluster();
    const { victim, witness } = await cast(cluster, fault.who);
    const name = `${testPrefix()}lock`;
    const hosts = cluster.endpoints;
    let electionMs = 0;
    const meanwhile = async (reached: (turns: number) => Promise<void>) => {
      await reached(TURNS / 3);
      const { leader: before } = await witness.client().maintenance.status();
      const since = performance.now();
      await fault.break(victim);
      if (fault.who === "leader") {
        await anotherLeader(witness, before);
        electionMs = performance.now() - since;
      }
      await reached((TURNS * 2) / 3);
      await fault.mend(victim);
    };
    const load = { hosts, name, turns: TURNS, contenders: 32, processes: 4, ttl: TTL, meanwhile };
    const turns = await takeTurns(load);
    expectTurns(turns, TURNS);
    // one session for each contender, to the end
    expect(new Set(turns.map(({ leaseId }) => leaseId)).size).toBe(32);

    // etcd's own history, from a member that was there all the time
    const tokens = turns.map(({ fencingToken }) => fencingToken);
    const last = tokens.at(-1);
    const stays = await lineHistory(witness.client(), name, { fromRevision: 1n, last });
    // a member that thaws may carry out an attempt that another one has served meanwhile: that key has no turn, and is swept away
    const had = ({ createRevision }: Stay) => tokens.includes(createRevision);
    expect(stays.filter(had).map(({ createRevision }) => createRevision)).toEqual(tokens);

    const gapMs = longestGapMs(turns);
    const election = fault.who === "leader" ? `, etcd's election ${electionMs.toFixed(0)} ms` : "";
    console.log(`${fault.what}: the longest gap ${gapMs.toFixed(0)} ms${election}`);
    expect(gapMs).toBeLessThan(electionMs + FAILOVER_MS);
  },
);

/** Who is to suffer, and one who is not. */
async function cast(cluster: EtcdCluster, who: "leader" | "follower") {
  const leader = await cluster.leader();
  const [one, other] = cluster.members.filter((member) => member !== leader);
  if (!one || !other) throw new Error("a cluster of less than three");
  return { victim: who === "leader" ? leader : one, witness: other };
}

async function anotherLeader(witness: EtcdServer, before: string): Promise<void> {
  const client = witness.client();
  await eventually(
    async () => {
      const { leader } = await client.maintenance.status();
      return leader !== "0" && leader !== before;
    },
    { withinMs: 10_000, what: "another leader" },
  );
}
