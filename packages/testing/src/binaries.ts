import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { childEnvironment } from "./child-environment.js";

/** An etcd on this machine. */
export interface EtcdBinaries {
  /** Path of `etcd`. */
  etcd: string;
  /** Path of `etcdctl`, where there is one beside it. */
  etcdctl: string | undefined;
  /** Such as `3.5.30`: what the program itself says. */
  version: string;
}

/** The binaries at `etcd`, asked for their version. Rejects when it is not an etcd that runs here. */
export async function inspectBinaries(etcd: string): Promise<EtcdBinaries> {
  const { stdout } = await promisify(execFile)(etcd, ["--version"], {
    env: childEnvironment(),
    timeout: 10_000,
  });
  const version = /^etcd Version: (\S+)/m.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${etcd} --version said ${JSON.stringify(stdout)}`);
  const beside = join(dirname(etcd), "etcdctl");
  return { etcd, etcdctl: (await isExecutable(beside)) ? beside : undefined, version };
}

/** The first executable of that name on PATH. */
export async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const file = join(folder, name);
    if (folder !== "" && (await isExecutable(file))) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
