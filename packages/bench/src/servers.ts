import { type EtcdCluster, type EtcdServer, startCluster, startEtcd } from "@etcdkit/testing";
import type { Etcd3 } from "etcd3";
import { inParallel } from "./timed.js";

export const serverNames = ["single", "cluster"] as const;
export type ServerName = (typeof serverNames)[number];

/** The etcd that is measured on: real, and writing to disk before it answers. */
export class Server implements AsyncDisposable {
  readonly version: string;
  readonly endpoints: string[];
  readonly #server: EtcdServer | EtcdCluster;
  readonly #first: EtcdServer;
  readonly #client: Etcd3;

  private constructor(server: EtcdServer | EtcdCluster, first: EtcdServer) {
    this.#server = server;
    this.#first = first;
    this.version = first.version;
    this.endpoints = server.endpoints;
    this.#client = server.client();
  }

  static async start(name: ServerName): Promise<Server> {
    if (name === "single") {
      const server = await startEtcd({ own: true, fsync: true });
      return new Server(server, server);
    }
    const cluster = await startCluster({ size: 3, fsync: true });
    return new Server(cluster, await cluster.leader());
  }

  /** Ends what the last run left: every lease, every key, the history. */
  async tidy(): Promise<void> {
    const { leaseClient, kv } = this.#client;
    const { leases } = await leaseClient.leaseLeases();
    await inParallel(leases.length, 64, async (n) => {
      const ID = leases[n]?.ID;
      // some expire by themselves meanwhile
      if (ID) await leaseClient.leaseRevoke({ ID }).catch(() => undefined);
    });
    const everything = { key: Buffer.from([0]), range_end: Buffer.from([0]) };
    const { header } = await kv.deleteRange(everything);
    await kv.compact({ revision: header.revision, physical: true }).catch(() => undefined);
  }

  /** How long a write to its log took on average so far, in milliseconds. */
  async fsyncMs(): Promise<number> {
    const metrics = await this.#first.get("/metrics");
    const read = (what: string) => {
      const pattern = new RegExp(`^etcd_disk_wal_fsync_duration_seconds_${what} (\\S+)`, "m");
      return Number(pattern.exec(metrics)?.[1]);
    };
    return (read("sum") / read("count")) * 1_000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }
}
