import type { Etcd3 } from "etcd3";
import { type ClientDefaults, Clients } from "./clients.js";
import type { ClientCredentials } from "./credentials.js";
import { TestingError } from "./errors.js";
import type { ClientOptions, EtcdServer } from "./etcd-server.js";
import { eventually } from "./eventually.js";
import type { TcpProxy } from "./tcp-proxy.js";

// a frozen member never answers; a live one does in a few milliseconds
const STATUS_MS = 500;

/** Real members that form one cluster, each under control. */
export class EtcdCluster implements AsyncDisposable {
  /** Each with its own verbs; their `endpoints` and `client()` go past the proxies. */
  readonly members: readonly EtcdServer[];
  /** Where `proxied` was asked for, what stands before each member, in the same order; else none. */
  readonly proxies: readonly TcpProxy[];
  readonly #clients: Clients;
  readonly #probes: readonly Etcd3[];
  #stopping: Promise<void> | undefined;

  /** @internal use `startCluster` */
  constructor(
    members: readonly EtcdServer[],
    proxies: readonly TcpProxy[],
    defaults: ClientDefaults,
  ) {
    this.members = members;
    this.proxies = proxies;
    this.#clients = new Clients(defaults);
    this.#probes = members.map(({ endpoints }) => {
      const probe = new Clients({ ...defaults, endpoints });
      return probe.open({ defaultCallOptions: () => ({ deadline: Date.now() + STATUS_MS }) });
    });
  }

  /** Where clients reach the members: `host:port`, in the order of `members`. */
  get endpoints(): string[] {
    return [...this.#clients.defaults.endpoints];
  }

  /** For TLS; `undefined` where the cluster has none. */
  get credentials(): ClientCredentials | undefined {
    return this.#clients.defaults.credentials;
  }

  /** A client of all members, closed by `stop()`; see `EtcdServer.client`. */
  client(options?: ClientOptions): Etcd3 {
    if (this.#stopping) throw new TestingError("not-running", "the cluster was stopped for good");
    return this.#clients.open(options);
  }

  /**
   * The member that leads now, by its own word and that of a majority.
   *
   * @param withinMs how long to wait for there to be one, in milliseconds. Default 20,000
   * @throws {TestingError} `timed-out`
   */
  async leader(withinMs = 20_000): Promise<EtcdServer> {
    return await eventually(() => this.#findLeader(), {
      withinMs,
      what: "a leader of the cluster",
    });
  }

  /** Ends all members, closes proxies and clients, and removes the data. For good. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #findLeader(): Promise<EtcdServer | undefined> {
    const answers = await Promise.all(
      this.#probes.map((probe) => probe.maintenance.status().catch(() => undefined)),
    );
    const index = answers.findIndex((one) => one && one.leader === one.header.member_id);
    const leader = answers[index]?.leader;
    const agreed = answers.filter((one) => one?.leader === leader).length;
    return agreed > this.members.length / 2 ? this.members[index] : undefined;
  }

  async #stop(): Promise<void> {
    this.#clients.close();
    for (const probe of this.#probes) probe.close();
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    // all at once: one that is left without a quorum is slow to end
    await Promise.all(this.members.map((member) => member.stop()));
  }
}
