import { authArgs } from "./auth.js";
import type { EtcdBinaries } from "./binaries.js";
import { type Certificates, installCertificates } from "./certificates.js";
import type { MemberPlan } from "./member.js";
import type { MemberOptions } from "./member-options.js";
import { clientEndpoint, loopbackPorts, type MemberPlace, peerUrl } from "./member-place.js";

/** What all members of one cluster have in common. */
export interface ClusterPlan {
  binaries: EtcdBinaries;
  options: MemberOptions;
  places: MemberPlace[];
  /** Keeps members of two clusters apart, should a port pass from the one to the other. */
  token: string;
  certificates: Certificates | undefined;
}

/**
 * @param advertised `host:port` that clients are told: the member's own, unless a proxy stands before it
 */
export async function planMember(
  cluster: ClusterPlan,
  place: MemberPlace,
  advertised: string,
): Promise<MemberPlan> {
  const { binaries, options, certificates } = cluster;
  const scheme = certificates ? "https" : "http";
  const fast = options.fsync !== true && !binaries.version.startsWith("3.4.");
  const peers = cluster.places.map((peer) => `${peer.name}=${peerUrl(peer)}`).join(",");
  const [binary = binaries.etcd, ...before] = [...place.network.command, binaries.etcd];
  return {
    name: place.name,
    binary,
    endpoint: clientEndpoint(place),
    ports: loopbackPorts(place),
    credentials: certificates?.credentials,
    folder: place.folder,
    disposable: place.disposable,
    readyTimeoutMs: options.readyTimeoutMs ?? 20_000,
    args: [
      ...before,
      `--name=${place.name}`,
      `--data-dir=${place.folder}/data`,
      `--listen-client-urls=${scheme}://${clientEndpoint(place)}`,
      `--advertise-client-urls=${scheme}://${advertised}`,
      `--listen-peer-urls=${peerUrl(place)}`,
      `--initial-advertise-peer-urls=${peerUrl(place)}`,
      `--initial-cluster=${peers}`,
      `--initial-cluster-token=${cluster.token}`,
      "--logger=zap",
      "--log-outputs=stderr",
      ...(fast ? ["--unsafe-no-fsync"] : []),
      ...(certificates ? await installCertificates(place.folder, certificates) : []),
      ...(options.auth ? authArgs(options.auth) : []),
      ...(options.args ?? []),
    ],
  };
}
