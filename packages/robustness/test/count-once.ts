import type { Connection, Mutex } from "@etcdkit/mutex";

/** Reads two counters under a lock, thinks, and writes both one higher: one without a look, one through `guard()`. Whether that one was made. */
export async function countOnce(
  { client }: Connection,
  mutex: Mutex,
  think: () => Promise<void> = async () => undefined,
): Promise<boolean> {
  await using lock = await mutex.lock();
  const [plain, fenced] = [`${mutex.name}-plain`, `${mutex.name}-fenced`];
  const read = async (name: string) => Number((await client.get(name).string()) ?? 0);
  const [was, wasFenced] = [await read(plain), await read(fenced)];
  // made before, so that it is etcd that refuses, and not what this process knows by then
  const guard = lock.guard();
  await think();
  await client.put(plain).value(was + 1);
  const { succeeded } = await guard.then(client.put(fenced).value(wasFenced + 1)).commit();
  return succeeded;
}
