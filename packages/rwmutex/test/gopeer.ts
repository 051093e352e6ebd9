import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { onTestFinished } from "vitest";

/**
 * A program built from etcd's own Go recipes. `gopeer rwmutex -endpoints E -prefix P -readers R -writers W -n N` takes N turns
 * at the lock `P/rw`, by R readers and W writers that release as soon as they hold; prints one JSON text, in which `overlaps` is how
 * often a writer of its own was beside another of its own, `n` the turns and `error` why it did not finish; and deletes
 * what is under `P/` at the end. Named by ETCDKIT_GOPEER, or found on the PATH.
 */
const program = process.env.ETCDKIT_GOPEER ?? "gopeer";

export const withoutGo =
  "no program of Go's recipes: ETCDKIT_GOPEER does not name one, and there is no gopeer on the PATH";

export interface GopeerOptions {
  readers: number;
  writers: number;
  turns: number;
  /** The lock is `<prefix>/rw`. */
  prefix: string;
}

export interface GopeerReport {
  n: number;
  overlaps: number;
  reads: number;
  writes: number;
  rlock_max_ms?: number;
  wlock_max_ms?: number;
  error?: string;
}

/** Whether there is one: it answers without arguments how it is used, with exit status 2. */
export async function findGopeer(): Promise<boolean> {
  const { code, stderr } = await promisify(execFile)(program).catch((error) => error);
  return code === 2 && `${stderr}`.includes("rwmutex");
}

/** Runs it on the shared server; killed when the test ends. */
export async function gopeer(options: GopeerOptions): Promise<GopeerReport> {
  const { readers, writers, turns, prefix } = options;
  const end = new AbortController();
  onTestFinished(() => end.abort());
  const flags = {
    endpoints: sharedEtcd().endpoints,
    prefix,
    n: turns,
    readers,
    writers,
    warmup: 0,
  };
  const args = Object.entries(flags).map(([flag, value]) => `-${flag}=${value}`);
  const running = promisify(execFile)(program, ["rwmutex", "-timeout=50s", ...args], {
    signal: end.signal,
  });
  const { stdout } = await running;
  return JSON.parse(stdout) as GopeerReport;
}
