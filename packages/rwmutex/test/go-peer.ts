import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { GoProgram } from "@etcdkit/test-support/go";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { onTestFinished } from "vitest";

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
