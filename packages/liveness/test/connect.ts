import { type Connection, type ConnectOptions, connect } from "@etcdkit/liveness";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { onTestFinished } from "vitest";

/** A connection of its own, to the shared server unless told otherwise; closed when the test ends. */
export function open(options: Partial<ConnectOptions> = {}): Connection {
  const etcd = connect({ hosts: sharedEtcd().endpoints, ...options });
  onTestFinished(() => etcd.close());
  return etcd;
}
