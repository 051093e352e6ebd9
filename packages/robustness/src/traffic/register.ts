import type { Lock } from "@etcdkit/mutex";
import type { Client } from "./client.js";

/** Writes through `guard()`, and records what came of it. True: etcd says that it is written. */
export async function writeFenced(
  { etcd, recorder }: Client,
  lock: Lock,
  name: string,
  value: string,
  kind: "register write" | "counter write" = "register write",
): Promise<boolean> {
  const token = Number(lock.fencingToken);
  const detail = { key: lock.key, token, value, fenced: true };
  const written = await recorder.operation(
    // after an error it may be written: what commits is etcd3's own client
    { kind, name, detail, otherwise: "unknown" },
    async () => {
      if (!lock.held) return { outcome: "lost" };
      const { succeeded, header } = await lock
        .guard()
        .then(etcd.client.put(name).value(value))
        .commit();
      if (!succeeded) return { outcome: "refused" };
      return { outcome: "done", detail: { revision: Number(header.revision) }, value: true };
    },
  );
  return written === true;
}
