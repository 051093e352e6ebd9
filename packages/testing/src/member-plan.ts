import type { EtcdBinaries } from "./binaries.js";
import type { ClientCredentials } from "./credentials.js";
import type { MemberPlan } from "./member.js";

/** How a member is to be started, apart from its ports. */
export interface MemberOptions {
  /** Flags to add, such as `["--max-txn-ops=256"]`. Given last, so that they win. */
  args?: string[];
  /**
   * Whether etcd waits for the disk at each write. Default false where etcd can do without (3.5 and
   * later): writes then survive the death of the process, SIGKILL too, but not of the machine.
   */
  fsync?: boolean;
  /** Bound of the wait until it is ready, in milliseconds. Default 20,000. */
  readyTimeoutMs?: number;
}

/** Where a member is. */
export interface MemberPlace {
  name: string;
  folder: string;
  disposable: boolean;
  clientPort: number;
  peerPort: number;
  /** `host:port` that clients are told; the member's own unless a proxy stands before it. */
  advertised?: string;
}

/** Certificates as etcd takes them: flags, and what a client needs. */
export interface MemberTls {
  args: string[];
  credentials: ClientCredentials;
}

/**
 * @param initialCluster all members, each `name=http://host:port`, with commas between
 */
export function planMember(
  place: MemberPlace,
  initialCluster: string,
  binaries: EtcdBinaries,
  options: MemberOptions,
  tls: MemberTls | undefined,
): MemberPlan {
  const endpoint = `127.0.0.1:${place.clientPort}`;
  const scheme = tls ? "https" : "http";
  const fast = options.fsync !== true && !binaries.version.startsWith("3.4.");
  return {
    name: place.name,
    binary: binaries.etcd,
    endpoint,
    credentials: tls?.credentials,
    folder: place.folder,
    disposable: place.disposable,
    readyTimeoutMs: options.readyTimeoutMs ?? 20_000,
    args: [
      `--name=${place.name}`,
      `--data-dir=${place.folder}/data`,
      `--listen-client-urls=${scheme}://${endpoint}`,
      `--advertise-client-urls=${scheme}://${place.advertised ?? endpoint}`,
      `--listen-peer-urls=${peerUrl(place)}`,
      `--initial-advertise-peer-urls=${peerUrl(place)}`,
      `--initial-cluster=${initialCluster}`,
      "--logger=zap",
      "--log-outputs=stderr",
      ...(fast ? ["--unsafe-no-fsync"] : []),
      ...(tls?.args ?? []),
      ...(options.args ?? []),
    ],
  };
}

/** Where a member's peers reach it. */
export function peerUrl(place: MemberPlace): string {
  return `http://127.0.0.1:${place.peerPort}`;
}

/** Whether a member failed to start since another process had taken its port in between. */
export function lostPortRace(error: unknown): boolean {
  return error instanceof Error && /address already in use/.test(error.message);
}
