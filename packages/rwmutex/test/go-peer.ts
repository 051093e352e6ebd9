import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { onTestFinished } from "vitest";

/**
 * A `go` to build `test/go` with. It is run with the environment as it is, so that GOPATH, whose sources must have etcd's client v3
 * in them, GOROOT, GOCACHE and the like are where it expects them.
 */
const go = process.env.ETCDKIT_GO;

export const withoutGo =
  "Go is not there to build etcd's own recipes with: ETCDKIT_GO names no `go`, with etcd's client v3 on its GOPATH";

export interface GoProgram {
  readonly file: string;
  remove(): Promise<void>;
}

/** Undefined where there is no Go. */
export async function buildGo(): Promise<GoProgram | undefined> {
  if (!go) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "etcdkit-rwmutex-go-"));
  const source = join(folder, "src/rwmutexpeer");
  await mkdir(source, { recursive: true });
  await cp(join(import.meta.dirname, "go"), source, { recursive: true });
  const path = [folder, process.env.GOPATH].filter(Boolean).join(delimiter);
  // by path, not by module: nothing is fetched
  const env = { ...process.env, GO111MODULE: "off", CGO_ENABLED: "0", GOPATH: path };
  const file = join(folder, "rwmutexpeer");
  await promisify(execFile)(go, ["build", "-o", file, "."], { cwd: source, env });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface GoTurns {
  name: string;
  readers: number;
  writers: number;
  /** Of all together. */
  turns: number;
}

export interface GoReport {
  reads: number;
  writes: number;
  /** How often one of Go's was beside another of Go's that it excludes. */
  overlaps: number;
  /** The longest wait for a turn. */
  longestMs: number;
}

/** Go's contenders take their turns, on the shared server; killed when the test ends. */
export async function takeGoTurns({ file }: GoProgram, turns: GoTurns): Promise<GoReport> {
  const end = new AbortController();
  onTestFinished(() => end.abort());
  const flags = { hosts: sharedEtcd().endpoints, ...turns };
  const args = Object.entries(flags).map(([flag, value]) => `-${flag}=${value}`);
  const { stdout } = await promisify(execFile)(file, args, { signal: end.signal });
  return JSON.parse(stdout) as GoReport;
}
