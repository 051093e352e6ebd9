import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePorts } from "./ports.js";

/** In which network a member runs: a namespace of its own, say. */
export interface MemberNetwork {
  /** The address at which clients reach it. */
  clientHost: string;
  /** The address at which the other members reach it. */
  peerHost: string;
  /** What starts etcd there and becomes it, such as `["ip", "netns", "exec", "member-1"]`. */
  command: string[];
}

/** Where a member is. */
export interface MemberPlace {
  name: string;
  /** Holds the data, the log and the certificates. */
  folder: string;
  /** Whether the folder goes away with the member. */
  disposable: boolean;
  clientPort: number;
  peerPort: number;
  network: MemberNetwork;
}

const LOOPBACK: MemberNetwork = { clientHost: "127.0.0.1", peerHost: "127.0.0.1", command: [] };

/** @param dataDir kept when the member stops; `undefined` for a temporary folder */
export async function findPlace(
  name: string,
  dataDir: string | undefined,
  network = LOOPBACK,
): Promise<MemberPlace> {
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const folder =
    dataDir === undefined ? await mkdtemp(join(tmpdir(), "etcdkit-")) : resolve(dataDir);
  await mkdir(folder, { recursive: true });
  return { name, folder, disposable: dataDir === undefined, clientPort, peerPort, network };
}

/** Removes the folder, unless it is the user's own. */
export async function removeFolder(
  place: Pick<MemberPlace, "folder" | "disposable">,
): Promise<void> {
  if (place.disposable) await rm(place.folder, { recursive: true, force: true });
}

/** Its ports of 127.0.0.1; none where it is in another network. */
export function loopbackPorts(place: MemberPlace): number[] {
  return place.network === LOOPBACK ? [place.clientPort, place.peerPort] : [];
}

/** Where clients reach it, when nothing stands between: `host:port`. */
export function clientEndpoint(place: MemberPlace): string {
  return `${place.network.clientHost}:${place.clientPort}`;
}

/** Where the other members reach it. */
export function peerUrl(place: MemberPlace): string {
  return `http://${place.network.peerHost}:${place.peerPort}`;
}
