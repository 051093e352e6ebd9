import { batched, EtcdConnection } from "@etcdkit/core/internal";
import type { SimulatedCluster } from "./cluster/cluster.js";
import { Link } from "./cluster/link.js";
import type { SimulatedMember } from "./cluster/member.js";
import type { SimulatedProcess } from "./cluster/process.js";
import { RemoteEtcd } from "./cluster/remote-etcd.js";
import type { SeededRandom } from "./seeded-random.js";

/** One client: its process, and its connection as `connect()` would give it. */
export class SimulatedClient {
  readonly process: SimulatedProcess;
  readonly connection: EtcdConnection;
  /** One for each member. */
  readonly links: readonly Link[];
  /** The port to each member, without group commit. */
  readonly ports: readonly RemoteEtcd[];
  readonly #cluster: SimulatedCluster;

  constructor(cluster: SimulatedCluster, process: SimulatedProcess, random: SeededRandom) {
    this.process = process;
    this.links = cluster.members.map(
      ({ index }) => new Link(cluster.schedule, random.fork(`link ${index}`)),
    );
    this.ports = cluster.members.map(
      (member, index) => new RemoteEtcd(process, member, this.links[index] as Link),
    );
    this.#cluster = cluster;
    // etcd3's builders are for the user's own reads and writes: nothing in the library uses them
    const noClient = {} as EtcdConnection["client"];
    const own = random.fork("library");
    this.connection = new EtcdConnection(
      noClient,
      this.ports.map(batched),
      process.clock,
      own,
      () => undefined,
    );
  }

  /** The member that its calls go to now. */
  get member(): SimulatedMember {
    const { all, current } = this.connection.members;
    const member = this.#cluster.members[all.indexOf(current)];
    if (!member) throw new Error("its calls go to none of the members");
    return member;
  }
}
