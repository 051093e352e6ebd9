import { EtcdCluster } from "./etcd-cluster.js";
import { launch } from "./launch.js";
import { type MemberOptions, memberChecks } from "./member-options.js";
import type { MemberNetwork } from "./member-place.js";
import { type Checks, checkCount, checkFlag, checkFunction, checkOptions } from "./options.js";

export interface StartClusterOptions extends MemberOptions {
  /** How many members. Default 3. */
  size?: number | undefined;
  /** Whether clients reach each member through a proxy of its own. Default false. */
  proxied?: boolean | undefined;
  /** Time between a leader's heartbeats, in milliseconds. Default etcd's: 100. */
  heartbeatMs?: number | undefined;
  /**
   * How long members wait for a heartbeat before they elect another leader, in milliseconds: at
   * least 5 heartbeats. Default etcd's: 1,000.
   */
  electionMs?: number | undefined;
  /** In which network each member runs, by its name. Default: all on 127.0.0.1. */
  network?: ((name: string) => MemberNetwork) | undefined;
}

const checks: Checks<StartClusterOptions> = {
  ...memberChecks,
  size: checkCount,
  proxied: checkFlag,
  heartbeatMs: checkCount,
  electionMs: checkCount,
  network: checkFunction,
};

/**
 * Starts a cluster of real members, named `etcd-1` and so on, and waits until all are ready. It is
 * always started, also where `ETCD_ENDPOINTS` names a running one.
 *
 * @throws as `startEtcd` does
 */
export async function startCluster(options: StartClusterOptions = {}): Promise<EtcdCluster> {
  checkOptions(options, checks);
  const { size = 3, proxied = false, heartbeatMs, electionMs, args = [], ...rest } = options;
  const { servers, proxies, defaults } = await launch({
    ...rest,
    names: Array.from({ length: size }, (_, index) => `etcd-${index + 1}`),
    proxied,
    dataDir: undefined,
    args: [
      ...(heartbeatMs === undefined ? [] : [`--heartbeat-interval=${heartbeatMs}`]),
      ...(electionMs === undefined ? [] : [`--election-timeout=${electionMs}`]),
      ...args,
    ],
  });
  return new EtcdCluster(servers, proxies, defaults);
}
