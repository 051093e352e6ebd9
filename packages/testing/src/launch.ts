import { randomUUID } from "node:crypto";
import { type AuthOptions, enableAuth, isAuthOn, rootOf } from "./auth.js";
import type { EtcdBinaries } from "./binaries.js";
import { makeCertificates } from "./certificates.js";
import { type ClientDefaults, Clients } from "./clients.js";
import { TestingError } from "./errors.js";
import { findEtcd } from "./find-etcd.js";
import { LocalServer } from "./local-server.js";
import { Member } from "./member.js";
import type { MemberOptions } from "./member-options.js";
import {
  clientEndpoint,
  findPlace,
  type MemberNetwork,
  type MemberPlace,
  removeFolder,
} from "./member-place.js";
import { planMember } from "./member-plan.js";
import { startProxy } from "./start-proxy.js";
import type { TcpProxy } from "./tcp-proxy.js";

export interface LaunchOptions extends MemberOptions {
  names: string[];
  /** Whether a proxy stands before each member. */
  proxied: boolean;
  /** Keeps the data of a single member; `undefined` for temporary folders. */
  dataDir: string | undefined;
  /** In which network each runs, by its name. Default: all on 127.0.0.1. */
  network?: ((name: string) => MemberNetwork) | undefined;
}

export interface Launched {
  servers: LocalServer[];
  proxies: TcpProxy[];
  /** For clients of all members; through the proxies, if there are any. */
  defaults: ClientDefaults;
}

const PORT_TRIES = 5;

/** Starts the members of one cluster and waits until all are ready; all of them or none. */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { version } = options;
  const binaries = await findEtcd(version === undefined ? {} : { version });
  for (let attempt = 1; ; attempt++) {
    try {
      return await launchOnce(options, binaries);
    } catch (error) {
      // another process took one of the ports in between
      const raced = error instanceof Error && error.message.includes("address already in use");
      if (!raced || attempt === PORT_TRIES) throw error;
    }
  }
}

async function launchOnce(options: LaunchOptions, binaries: EtcdBinaries): Promise<Launched> {
  const places: MemberPlace[] = [];
  const members: Member[] = [];
  const proxies: TcpProxy[] = [];
  try {
    const { tls, auth, dataDir } = options;
    for (const name of options.names) {
      places.push(await findPlace(name, dataDir, options.network?.(name)));
    }
    const hosts = places.map(({ network }) => network.clientHost);
    const certificates = tls ? await makeCertificates(tls === true ? {} : tls, hosts) : undefined;
    const cluster = { binaries, options, places, token: `etcdkit-${randomUUID()}`, certificates };
    const endpoints: string[] = [];
    for (const place of places) {
      const own = clientEndpoint(place);
      const proxy = options.proxied ? await startProxy({ target: own }) : undefined;
      if (proxy) proxies.push(proxy);
      endpoints.push(proxy?.endpoint ?? own);
      members.push(new Member(await planMember(cluster, place, proxy?.endpoint ?? own)));
    }
    const credentials = certificates?.credentials;
    await startAll(members);
    if (auth) await turnOn(auth, { endpoints, credentials, auth: undefined });
    const shared = { credentials, auth: auth && rootOf(auth) };
    const servers = members.map(
      (member) =>
        new LocalServer(member, binaries.version, { ...shared, endpoints: [member.plan.endpoint] }),
    );
    return { servers, proxies, defaults: { ...shared, endpoints } };
  } catch (error) {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await Promise.all(members.map((member) => member.kill()));
    await Promise.all(places.map(removeFolder));
    throw error;
  }
}

async function turnOn(auth: AuthOptions, defaults: ClientDefaults): Promise<void> {
  const clients = new Clients(defaults);
  try {
    if (await isAuthOn(clients.open({ auth: rootOf(auth) }))) return;
    await enableAuth(clients.open(), auth);
  } catch (cause) {
    throw new TestingError("start-failed", `auth could not be set up: ${cause}`, { cause });
  } finally {
    clients.close();
  }
}

// The first to fail says why, and takes the others with it, which may never be ready without it. It leaves nothing under way.
async function startAll(members: Member[]): Promise<void> {
  const starts = members.map((member) => member.start());
  try {
    await Promise.all(starts);
  } catch (error) {
    for (const member of members) member.retire();
    await Promise.allSettled(starts);
    throw error;
  }
}
