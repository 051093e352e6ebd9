import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/**
 * A `go` to build programs with. It is run with the environment as it is, so that GOPATH, whose sources must have etcd's client v3
 * in them, GOROOT, GOCACHE and the like are where it expects them.
 */
const go = process.env.ETCDKIT_GO;

export const withoutGo =
  "Go is not there to build etcd's own recipes with: ETCDKIT_GO names no `go`, with etcd's client v3 on its GOPATH";

export interface GoProgram {
  readonly file: string;
  remove(): Promise<void>;
}

/** Builds the program whose sources are in `sources`. Undefined where there is no Go. */
export async function buildGo(sources: string): Promise<GoProgram | undefined> {
  if (!go) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "etcdkit-go-"));
  const source = join(folder, "src/peer");
  await mkdir(source, { recursive: true });
  await cp(sources, source, { recursive: true });
  const path = [folder, process.env.GOPATH].filter(Boolean).join(delimiter);
  // by path, not by module: nothing is fetched
  const env = { ...process.env, GO111MODULE: "off", CGO_ENABLED: "0", GOPATH: path };
  const file = join(folder, "peer");
  await promisify(execFile)(go, ["build", "-o", file, "."], { cwd: source, env });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}
