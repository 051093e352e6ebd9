import type { EtcdServer } from "./etcd-server.js";
import { GivenServer } from "./given-server.js";
import { launch } from "./launch.js";
import { type MemberOptions, memberChecks } from "./member-options.js";
import { type Checks, checkFlag, checkOptions, checkWord } from "./options.js";

export interface StartEtcdOptions extends MemberOptions {
  /**
   * Starts one even where `ETCD_ENDPOINTS` names a running etcd, for tests that kill or pause it.
   * Any other option that shapes the server implies it. Default false.
   */
  own?: boolean | undefined;
  /**
   * Keep data and log here, and leave them there. Users that it has from before stay as they are, and `auth` must
   * have their root's password. Default: a temporary folder, removed by `stop()`.
   */
  dataDir?: string | undefined;
}

const checks: Checks<StartEtcdOptions> = { ...memberChecks, own: checkFlag, dataDir: checkWord };

/**
 * Starts one real etcd member on free ports of 127.0.0.1 and waits until it is ready. With
 * `ETCD_ENDPOINTS` set, and no option that asks for a server of its own, it gives that one instead.
 *
 * @throws TypeError, RangeError for bad arguments, before anything is started
 * @throws {TestingError} `not-found` without an etcd, or where the one given by `ETCD_ENDPOINTS` or
 *   `ETCD_BIN` is not the version that `ETCD_VERSION` asks for; `start-failed`, with etcd's log in the
 *   message. Node's own error, such as `EPERM`, where this process cannot listen at any port
 */
export async function startEtcd(options: StartEtcdOptions = {}): Promise<EtcdServer> {
  checkOptions(options, checks);
  const given = process.env.ETCD_ENDPOINTS;
  if (given && !asksForOwn(options)) return await GivenServer.find(given);
  const { own: _, dataDir, ...rest } = options;
  const { servers } = await launch({ ...rest, names: ["etcd"], proxied: false, dataDir });
  const [server] = servers;
  // one name, one server
  return server as EtcdServer;
}

function asksForOwn(options: StartEtcdOptions): boolean {
  const { readyTimeoutMs: _, ...shaping } = options;
  return Object.values(shaping).some((value) => value !== undefined && value !== false);
}
