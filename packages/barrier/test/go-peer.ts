import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "@etcdkit/testing";
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
  const folder = await mkdtemp(join(tmpdir(), "etcdkit-barrier-go-"));
  const source = join(folder, "src/barrierpeer");
  await mkdir(source, { recursive: true });
  await cp(join(import.meta.dirname, "go"), source, { recursive: true });
  const path = [folder, process.env.GOPATH].filter(Boolean).join(delimiter);
  // by path, not by module: nothing is fetched
  const env = { ...process.env, GO111MODULE: "off", CGO_ENABLED: "0", GOPATH: path };
  const file = join(folder, "barrierpeer");
  await promisify(execFile)(go, ["build", "-o", file, "."], { cwd: source, env });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}

interface GoMessage {
  step: string;
  what: "begun" | "done" | "failed";
  error?: string;
}

export interface GoPeer {
  /** Resolves once the step has begun, with what becomes of it. */
  begin(
    step: "hold" | "release" | "wait" | "enter" | "leave",
  ): Promise<{ result: Promise<string> }>;
  kill(): void;
}

/** A process with etcd's own recipes; killed when the test ends. */
export function startGo(
  { file }: GoProgram,
  {
    hosts,
    name,
    count = 1,
    ttl = 10,
  }: { hosts: string[]; name: string; count?: number; ttl?: number },
): GoPeer {
  const args = Object.entries({ hosts, name, count, ttl }).map(
    ([flag, value]) => `-${flag}=${value}`,
  );
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const messages: GoMessage[] = [];
  let unread = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (unread + text).split("\n");
    unread = lines.pop() ?? "";
    messages.push(...lines.map((line) => JSON.parse(line) as GoMessage));
  });
  let heard = 0;
  const next = async (withinMs: number) => {
    const index = heard++;
    await eventually(() => messages.length > index, { withinMs, what: "an answer of Go's" });
    return messages[index];
  };
  return {
    begin: async (step) => {
      child.stdin.write(`${step}\n`);
      await next(10_000);
      const result = next(30_000).then((message) => message?.error ?? `${message?.what}`);
      // told by whoever asks for it
      result.catch(() => undefined);
      return { result };
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
