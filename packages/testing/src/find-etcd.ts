import { type EtcdBinaries, inspectBinaries, onPath } from "./binaries.js";
import { cached, cacheFolder, keep } from "./cache.js";
import { unpackPackages } from "./debian-packages.js";
import { TestingError } from "./errors.js";
import { unpackRelease } from "./official-release.js";
import { checkOptions, checkWord } from "./options.js";
import { checkVersion, versionAskedFor } from "./version-asked-for.js";

/** What is fetched when nothing asks for another version: the newest one tested. */
export const DEFAULT_ETCD_VERSION = "3.5.30";

// of whatever version the distribution has: kept under its own name, so that a version asked for
// by its number is never mistaken for it
const DISTRIBUTION = "of-the-distribution";

// older ones do not know the flags that members are started with; Ubuntu 22.04 still has such a one
const NEEDED = "3.4 or later is needed";

export interface FindEtcdOptions {
  /** Exactly this version, such as `3.4.23`, whatever `$ETCD_BIN` is. Default `$ETCD_VERSION`, or whichever is at hand. */
  version?: string | undefined;
}

/**
 * The etcd to use: `$ETCD_BIN` (unless `options.version` is given), `etcd` on PATH, the cache; else
 * it is fetched into the cache: the official release, or the packages of Debian or Ubuntu. Where a
 * version is asked for, only that one will do; one older than 3.4 never does.
 *
 * @throws TypeError for bad arguments
 * @throws {TestingError} `not-found`, naming every way and what came of it, also where `$ETCD_BIN` is
 *   too old, or not the version that `$ETCD_VERSION` asks for; `bad-checksum` when what was fetched is not what
 *   was published
 */
export async function findEtcd(options: FindEtcdOptions = {}): Promise<EtcdBinaries> {
  checkOptions<FindEtcdOptions>(options, { version: checkWord });
  const { ETCD_BIN: bin } = process.env;
  if (bin && options.version === undefined) return await given(bin);
  const version = options.version?.replace(/^v/, "") ?? versionAskedFor();
  const tried: string[] = [];
  for (const way of ways(version)) {
    try {
      const found = await way.look();
      const objection = found ? objectionTo(found.version, version) : "none there";
      if (found && objection === undefined) return found;
      tried.push(`${way.name}: ${objection}`);
    } catch (error) {
      // another way might do, but this one should be looked into
      if (error instanceof TestingError && error.code === "bad-checksum") throw error;
      tried.push(`${way.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new TestingError(
    "not-found",
    `no etcd${version === undefined ? "" : ` ${version}`} could be found or fetched. Tried:\n${tried
      .map((line) => `  - ${line}`)
      .join(
        "\n",
      )}\nTo help: install etcd, or name one by ETCD_BIN=/path/to/etcd or ETCD_ENDPOINTS=host:port, or a mirror of its releases by ETCD_DOWNLOAD_BASE.`,
  );
}

/**
 * Path of `etcdctl`: the one beside the etcd that {@link findEtcd} finds, or on PATH.
 *
 * @throws {TestingError} `not-found`
 */
export async function findEtcdctl(options: FindEtcdOptions = {}): Promise<string> {
  const { etcd, etcdctl } = await findEtcd(options);
  const found = etcdctl ?? (await onPath("etcdctl"));
  if (found !== undefined) return found;
  throw new TestingError("not-found", `no etcdctl beside ${etcd}, and none on PATH`);
}

/** Why an etcd of the version `found` will not do, if so. */
function objectionTo(found: string, asked: string | undefined): string | undefined {
  if (asked !== undefined && found !== asked) return `it is ${found}`;
  return isTooOld(found) ? `it is ${found}; ${NEEDED}` : undefined;
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < 3 || (major === 3 && minor < 4);
}

interface Way {
  name: string;
  look: () => Promise<EtcdBinaries | undefined>;
}

function ways(version: string | undefined): Way[] {
  const wanted = version ?? DEFAULT_ETCD_VERSION;
  const atHand = [
    { name: "etcd on PATH", look: fromPath },
    { name: `${wanted} in the cache ${cacheFolder()}`, look: () => cached(wanted) },
  ];
  const fetched = [
    {
      name: `the official release of ${wanted}`,
      look: () => keep(wanted, wanted, (folder) => unpackRelease(wanted, folder)),
    },
    {
      name: `Debian's package of ${wanted}`,
      look: () => keep(wanted, wanted, (folder) => unpackPackages(wanted, folder)),
    },
  ];
  if (version !== undefined) return [...atHand, ...fetched];
  return [
    ...atHand,
    { name: "the distribution's own, in the cache", look: () => cached(DISTRIBUTION) },
    ...fetched,
    {
      name: "the distribution's own package",
      look: () => keep(DISTRIBUTION, undefined, (folder) => unpackPackages(undefined, folder)),
    },
  ];
}

async function given(bin: string): Promise<EtcdBinaries> {
  let found: EtcdBinaries;
  try {
    found = await inspectBinaries(bin);
  } catch (cause) {
    throw new TestingError("not-found", `ETCD_BIN=${bin} cannot be run: ${cause}`, { cause });
  }
  checkVersion(found.version, `ETCD_BIN=${bin}`);
  if (isTooOld(found.version)) {
    throw new TestingError("not-found", `ETCD_BIN=${bin} is etcd ${found.version}; ${NEEDED}`);
  }
  return found;
}

async function fromPath(): Promise<EtcdBinaries | undefined> {
  const etcd = await onPath("etcd");
  return etcd === undefined ? undefined : await inspectBinaries(etcd);
}
