import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Origin, origin } from "./debian-origin.js";
import { pinned } from "./debian-pins.js";
import { TestingError } from "./errors.js";
import { progress } from "./progress.js";

const run = promisify(execFile);
const PACKAGES = ["etcd-server", "etcd-client"];

/** Where the system says what it is; elsewhere in tests. */
export interface SystemFiles {
  osRelease: string;
  apt: string;
}

const SYSTEM: SystemFiles = { osRelease: "/etc/os-release", apt: "/etc/apt" };

/**
 * Puts `etcd` and `etcdctl` of the distribution's packages into `folder`, leaving the system as it
 * is: apt works on lists of its own, so that neither root nor an earlier update is needed.
 *
 * @param version taken from the suite of Debian that has it; `undefined` for the one this system's
 *   own release comes with
 * @throws {TestingError} `bad-checksum` for a package that neither a known key nor a known sum vouches for
 */
export async function unpackPackages(
  version: string | undefined,
  folder: string,
  system: SystemFiles = SYSTEM,
): Promise<void> {
  const from = await origin(version, system);
  const work = await mkdtemp(join(tmpdir(), "etcdkit-apt-"));
  try {
    progress(`fetching etcd${version ? ` ${version}` : ""} from the packages of ${from.suite}`);
    const files = await download(work, from, version !== undefined);
    for (const file of files) await run("dpkg", ["-x", file, join(work, "root")]);
    for (const name of ["etcd", "etcdctl"]) {
      await copyFile(join(work, "root", "usr", "bin", name), join(folder, name));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function download(work: string, from: Origin, mayPin: boolean): Promise<string[]> {
  const debs = join(work, "debs");
  await mkdir(debs);
  const signed = await aptGet(work, debs, from, from.keyring && `signed-by=${from.keyring}`);
  if (signed === undefined) return await packages(debs);
  if (!mayPin) throw new Error(signed);
  const unsigned = await aptGet(work, debs, from, "trusted=yes");
  if (unsigned !== undefined) throw new Error(signed);
  const files = await packages(debs);
  for (const file of files) {
    const sum = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
    if (pinned.has(sum)) continue;
    throw new TestingError(
      "bad-checksum",
      `the lists of ${from.suite} are not signed with a key this system knows, and the package has a sum that is not known either (${sum}); the signature: ${signed}`,
    );
  }
  return files;
}

/** Returns what went wrong, or `undefined`. */
async function aptGet(
  work: string,
  debs: string,
  from: Origin,
  trust: string | undefined,
): Promise<string | undefined> {
  const list = join(work, "sources.list");
  const options = trust === undefined ? "" : `[${trust}] `;
  await writeFile(list, `deb ${options}${from.base} ${from.suite} ${from.components.join(" ")}\n`);
  await mkdir(join(work, "lists", "partial"), { recursive: true });
  await mkdir(join(work, "cache", "archives", "partial"), { recursive: true });
  const settings = {
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "-",
    "Dir::State::Lists": join(work, "lists"),
    "Dir::Cache": join(work, "cache"),
    // as root, apt would otherwise drop to a user that cannot read this folder
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "0",
    "Acquire::http::Timeout": "10",
    "Acquire::https::Timeout": "10",
  };
  const flags = [
    "-qq",
    ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
  ];
  // an update may fail in a hook that needs root, after the lists were fetched
  const update = await run("apt-get", [...flags, "update"]).then(() => "", said);
  const got = await run("apt-get", [...flags, "download", ...PACKAGES], { cwd: debs }).then(
    () => undefined,
    said,
  );
  return got === undefined ? undefined : `${update} ${got}`.replace(/\s+/g, " ").trim();
}

async function packages(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name.endsWith(".deb")).map((name) => join(folder, name));
}

function said(error: unknown): string {
  if (error instanceof Error && "stderr" in error && typeof error.stderr === "string") {
    return error.stderr.trim() || error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
