import type { EtcdCluster, EtcdServer, TcpProxy } from "@etcdkit/testing";
import type { Random } from "../model/random.js";
import type { FaultRecord } from "../model/record.js";
import type { Auditor } from "./auditor.js";
import type { ClientSlots } from "./client-slots.js";
import type { Network } from "./network.js";

/** What can be hurt. */
export interface Scene {
  readonly cluster: EtcdCluster;
  /** Where each member runs; without namespaces, nothing to part. */
  readonly network: Network | undefined;
  readonly clients: ClientSlots;
  readonly auditor: Auditor;
  /** The operator's own client, past all proxies. */
  readonly operator: ReturnType<EtcdServer["client"]>;
  readonly prefix: string;
  /** Seconds, of the clients' sessions. */
  readonly ttl: number;
  /** Aborts when the run is to end: faults are healed early then. */
  readonly stop: AbortSignal;
}

/** What more is to be said of a fault than when it was. */
type Hit = Pick<FaultRecord, "target" | "deleted" | "revoked" | "compacted">;

export interface Fault {
  readonly kind: string;
  /** Those of one lane come one after the other: members never all fail at once for long, and of the clients some are always well. */
  readonly lane: "members" | "clients" | "operator";
  /** Hurts, and heals; undefined where there was nothing to hurt. */
  strike(scene: Scene, random: Random): Promise<Hit | undefined>;
}

/** A member and the proxy before it. */
export interface Site {
  readonly member: EtcdServer;
  readonly proxy: TcpProxy;
}

export function siteOf({ cluster }: Scene, member: EtcdServer): Site {
  const proxy = cluster.proxies[cluster.members.indexOf(member)];
  if (!proxy) throw new Error(`${member.name} has no proxy`);
  return { member, proxy };
}

/** The leader half of the time: its faults are the ones that matter. */
export async function pickMember({ cluster }: Scene, random: Random): Promise<EtcdServer> {
  return random.chance(0.5) ? await cluster.leader() : random.pick(cluster.members);
}
