import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { EtcdServer } from "./etcd-server.js";
import { findEtcd } from "./find-etcd.js";
import { GivenServer } from "./given-server.js";
import { LocalServer } from "./local-server.js";
import { Member } from "./member.js";
import { lostPortRace, type MemberOptions, planMember } from "./member-plan.js";
import { freePorts } from "./ports.js";

export interface StartEtcdOptions extends MemberOptions {
  /**
   * Starts one even where `ETCD_ENDPOINTS` names a running etcd, for tests that kill or pause it.
   * Any other option that shapes the server implies it. Default false.
   */
  own?: boolean;
  /** Exactly this version, such as `3.4.23`. Default: whichever `findEtcd()` gives. */
  version?: string;
  /** Keep the data here, and leave it there. Default: a temporary folder, removed by `stop()`. */
  dataDir?: string;
}

const PORT_TRIES = 5;

/**
 * Starts one real etcd member on free ports of 127.0.0.1 and waits until it is ready. With
 * `ETCD_ENDPOINTS` set, and no option that asks for more, it gives that one instead.
 *
 * @throws {TestingError} `not-found` without an etcd; `start-failed`, with etcd's log in the message
 */
export async function startEtcd(options: StartEtcdOptions = {}): Promise<EtcdServer> {
  const given = process.env["ETCD_ENDPOINTS"];
  if (given && Object.values(options).every((value) => value === undefined || value === false)) {
    return await GivenServer.find(given);
  }
  const binaries = await findEtcd(options);
  const folder = options.dataDir === undefined ? undefined : resolve(options.dataDir);
  if (folder) await mkdir(folder, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const place = {
      name: "etcd",
      folder: folder ?? (await mkdtemp(join(tmpdir(), "etcdkit-"))),
      disposable: folder === undefined,
      clientPort,
      peerPort,
    };
    const cluster = `etcd=http://127.0.0.1:${peerPort}`;
    const member = new Member(planMember(place, cluster, binaries, options, undefined));
    try {
      await member.start();
    } catch (error) {
      await member.remove();
      if (attempt < PORT_TRIES && lostPortRace(error)) continue;
      throw error;
    }
    const { endpoint, credentials } = member.plan;
    return new LocalServer(member, binaries.version, {
      endpoints: [endpoint],
      credentials,
      auth: undefined,
    });
  }
}
