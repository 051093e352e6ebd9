import type { EtcdConnection, Line, Policy } from "@etcdkit/core/internal";

/** The first candidate leads. Keys are `name/<lease id in hex>`, exactly Go's (etcd, client/v3/concurrency/election.go). */
const electionPolicy: Policy = {
  kind: "election",
  *holders(order) {
    for (const first of order) {
      yield first;
      return;
    }
  },
  belongs: (suffix) => !suffix.includes("/"),
};

export function electionLine(connection: EtcdConnection, name: string): Line {
  return connection.lines.get(name, electionPolicy);
}
