import { createRequire } from "node:module";
import { arch, hostname, networkInterfaces } from "node:os";

/** What a member says of its process and machine by itself. */
export interface MachineFacts {
  host: string;
  pid: number;
  /** Of the network interfaces, without loopback and link-local ones; at most 16. */
  addresses: string[];
  /** Node's names: `linux-x64`, `darwin-arm64`, … */
  platform: string;
  /** Such as `v24.1.0`. */
  nodeVersion: string;
  /** Of `@etcdkit/liveness`. */
  packageVersion: string;
  /** When the process started, by its wall clock, in ISO 8601. */
  startedAt: string;
}

/** A host that runs containers can have hundreds. */
const MOST_ADDRESSES = 16;

export function machineFacts(): Partial<MachineFacts> {
  const packageVersion = ownVersion();
  return {
    host: hostname(),
    pid: process.pid,
    addresses: addresses(),
    platform: `${process.platform}-${arch()}`,
    nodeVersion: process.version,
    ...(packageVersion !== undefined && { packageVersion }),
    startedAt: new Date(Date.now() - process.uptime() * 1_000).toISOString(),
  };
}

/** Those of the facts that have the right type: what comes from etcd may be anybody's. */
export function readFacts(given: unknown): Partial<MachineFacts> {
  if (typeof given !== "object" || given === null) return {};
  const facts = given as Record<string, unknown>;
  const texts = ["host", "platform", "nodeVersion", "packageVersion", "startedAt"] as const;
  const { pid, addresses } = facts;
  return {
    ...Object.fromEntries(
      texts
        .filter((name) => typeof facts[name] === "string")
        .map((name) => [name, facts[name] as string]),
    ),
    ...(Number.isSafeInteger(pid) && { pid: pid as number }),
    ...(Array.isArray(addresses) && {
      addresses: addresses.filter((address) => typeof address === "string"),
    }),
  };
}

function addresses(): string[] {
  try {
    return Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
      .map(({ address }) => address)
      .slice(0, MOST_ADDRESSES);
  } catch {
    // some sandboxes forbid the question
    return [];
  }
}

interface Manifest {
  name?: string;
  version?: string;
}

function ownVersion(): string | undefined {
  try {
    const manifest: Manifest = createRequire(import.meta.url)("../package.json");
    // part of a bundle, it finds that of the application
    return manifest.name === "@etcdkit/liveness" ? manifest.version : undefined;
  } catch {
    // or none
    return undefined;
  }
}
