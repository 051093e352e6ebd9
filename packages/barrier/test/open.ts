import {
  type Connection,
  type ConnectOptions,
  connect,
  Session,
  type SessionOptions,
} from "@etcdkit/barrier";
import { onTestFinished } from "vitest";
import { endpoints } from "./file-etcd.js";

type Where = Partial<Pick<ConnectOptions, "hosts" | "namespace">>;

/** A connection to the shared server unless told otherwise, closed when the test ends. */
export function openConnection(where: Where = {}): Connection {
  const etcd = connect({ hosts: endpoints(), ...where });
  onTestFinished(() => etcd.close());
  return etcd;
}

/** A session on a connection of its own. */
export async function openSession(options: SessionOptions & Where = {}): Promise<Session> {
  const { hosts, namespace, ...rest } = options;
  const etcd = openConnection({ ...(hosts && { hosts }), ...(namespace && { namespace }) });
  return await Session.open(etcd, { ttl: 10, ...rest });
}
