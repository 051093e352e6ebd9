import type { EtcdServer } from "@etcdkit/testing";

/** Calls that the server has counted so far, by its own metrics: of one method, or of all that are `unary`. */
export async function counted(server: EtcdServer, what: string, which: string): Promise<number> {
  const metrics = await server.get("/metrics");
  const lines = metrics.matchAll(
    new RegExp(`^grpc_server_${what}_total\\{.*"${which}".*\\} (\\S+)$`, "gm"),
  );
  return [...lines].reduce((total, [, count]) => total + Number(count), 0);
}
