import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type EtcdBinaries, inspectBinaries } from "./binaries.js";

/** `$ETCDKIT_CACHE`, or `$XDG_CACHE_HOME/etcdkit`, or `~/.cache/etcdkit`. */
export function cacheFolder(): string {
  const { ETCDKIT_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  if (own) return own;
  return join(xdg || join(homedir(), ".cache"), "etcdkit");
}

/** The binaries kept under `key` (a version, or where they came from), if any. */
export async function cached(key: string): Promise<EtcdBinaries | undefined> {
  try {
    return await inspectBinaries(join(entry(key), "etcd"));
  } catch {
    return undefined;
  }
}

/**
 * Keeps what `fill` puts into the folder it is given, if it runs here and is of that version. Two processes may do so at the same time:
 * each fills a folder of its own, and the first to finish is kept.
 */
export async function keep(
  key: string,
  version: string | undefined,
  fill: (folder: string) => Promise<void>,
): Promise<EtcdBinaries> {
  await mkdir(cacheFolder(), { recursive: true });
  // beside its place, since a rename does not cross file systems
  const folder = await mkdtemp(join(cacheFolder(), ".fetching-"));
  try {
    await fill(folder);
    const got = await inspectBinaries(join(folder, "etcd"));
    if (version !== undefined && got.version !== version) throw new Error(`it has ${got.version}`);
    await rename(folder, entry(key)).catch(async () => {
      if (await cached(key)) return;
      // what is there does not run: left over from another system
      await rm(entry(key), { recursive: true, force: true });
      await rename(folder, entry(key));
    });
    return await inspectBinaries(join(entry(key), "etcd"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function entry(key: string): string {
  return join(cacheFolder(), `etcd-${key}-${process.platform}-${process.arch}`);
}
