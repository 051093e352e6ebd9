import { spawn } from "node:child_process";
import type { GoProgram } from "@etcdkit/test-support/go";
import { jsonLines } from "@etcdkit/test-support/json-lines";
import { eventually } from "@etcdkit/testing";
import { onTestFinished } from "vitest";

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
  const messages = jsonLines<GoMessage>(child.stdout);
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
