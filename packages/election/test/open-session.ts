import { type ConnectOptions, connect, Session, type SessionOptions } from "@etcdkit/election";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { onTestFinished } from "vitest";

/** A session on a connection of its own, to the shared server unless told otherwise; both close when the test ends. */
export async function openSession(
  options: SessionOptions & Partial<Pick<ConnectOptions, "hosts" | "namespace">> = {},
): Promise<Session> {
  const { hosts = sharedEtcd().endpoints, namespace = "", ...rest } = options;
  const etcd = connect({ hosts, namespace });
  onTestFinished(() => etcd.close());
  return await Session.open(etcd, { ttl: 5, ...rest });
}
