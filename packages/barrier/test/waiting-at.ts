import type { Connection } from "@etcdkit/barrier";
import { internals } from "@etcdkit/core/internal";
import { eventually } from "@etcdkit/testing";
import { AwaitedKey } from "../src/awaited-key.js";

/** Resolves once `count` on this connection wait at the barrier, and would hear of its release. */
export async function waitingAt(etcd: Connection, name: string, count: number): Promise<void> {
  const waiting = () => AwaitedKey.of(internals(etcd), name).waiting;
  await eventually(() => waiting() === count, {
    what: `${count} waiting at ${name}`,
    withinMs: 10_000,
  });
}
