import { runChild } from "./child-process.js";
import type { Figures } from "./figures.js";
import { GoPeer } from "./gopeer.js";
import { RedisServer } from "./redis-server.js";
import { Server, type ServerName } from "./servers.js";
import type { Env, PeerName, Workload } from "./workload.js";

export interface Plan {
  readonly workloads: readonly Workload[];
  readonly peers: readonly PeerName[];
  readonly servers: readonly ServerName[];
  readonly rounds: number;
  readonly seconds: number;
  /** Node's own arguments for the processes that measure. Default: as this process has them. */
  readonly node?: string[];
}

export interface Run {
  readonly server: ServerName;
  readonly workload: string;
  readonly peer: PeerName;
  readonly round: number;
  readonly figures: Figures;
}

export interface Outcome {
  readonly etcd: string;
  /** By server: how long its log took to be on disk, on average. */
  readonly fsyncMs: Partial<Record<ServerName, number>>;
  readonly runs: Run[];
  /** What could not be measured, and why. */
  readonly leftOut: string[];
}

/** Runs everything in turn: round after round, workload after workload, and of each one peer after the other. */
export async function runAll(plan: Plan, tell: (line: string) => void): Promise<Outcome> {
  const outcome = {
    etcd: "",
    fsyncMs: {} as Partial<Record<ServerName, number>>,
    runs: [] as Run[],
    leftOut: [] as string[],
  };
  const go = plan.peers.includes("go") ? await GoPeer.find() : undefined;
  if (plan.peers.includes("go") && !go) {
    outcome.leftOut.push("Go: neither ETCDKIT_GOPEER nor a gopeer on PATH");
  }
  await using redis = plan.peers.includes("redlock") ? await RedisServer.start() : undefined;
  if (plan.peers.includes("redlock") && !redis) {
    outcome.leftOut.push("redlock: no redis-server on PATH");
  }
  for (const name of plan.servers) {
    await using server = await Server.start(name);
    outcome.etcd = server.version;
    const env = { endpoints: server.endpoints, redis: redis?.endpoint, seconds: plan.seconds };
    for (let round = 1; round <= plan.rounds; round++) {
      for (const workload of plan.workloads) {
        if (round > (workload.rounds ?? plan.rounds)) continue;
        for (const peer of plan.peers) {
          const work = workOf(workload, peer, env, { go, node: plan.node });
          if (!work) continue;
          const where = `${name} · round ${round} · ${workload.name} · ${peer}`;
          try {
            const figures = await work();
            outcome.runs.push({ server: name, workload: workload.name, peer, round, figures });
            tell(`${where}: ${brief(figures)}`);
          } catch (error) {
            outcome.leftOut.push(`${where}: ${error instanceof Error ? error.message : error}`);
            tell(`${where}: failed: ${error}`);
          }
          await server.tidy();
        }
      }
    }
    outcome.fsyncMs[name] = await server.fsyncMs();
  }
  return outcome;
}

/** How `peer` does it; undefined where it cannot. */
function workOf(
  workload: Workload,
  peer: PeerName,
  env: Env,
  { go, node }: { go: GoPeer | undefined; node: string[] | undefined },
): (() => Promise<Figures>) | undefined {
  if (workload.run[peer]) {
    if (peer === "redlock" && !env.redis) return undefined;
    return () => runChild({ workload: workload.name, peer, ...env }, node);
  }
  const goRun = peer === "go" ? workload.go : undefined;
  return goRun && go && (() => go.run(goRun, env));
}

function brief(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`)
    .join(", ");
}
