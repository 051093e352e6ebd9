import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "@etcdkit/testing";
import { onTestFinished } from "vitest";

export interface Program<Message> {
  readonly process: ChildProcess;
  /** What it has said so far: one JSON text a line. */
  readonly messages: Message[];
  /** The first message that `which` takes. Rejects when the program ends without one. */
  message(which: (message: Message) => boolean, withinMs?: number): Promise<Message>;
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it wrote to stderr. */
  readonly complaints: () => string;
}

/** Runs `test/programs/<name>.ts` in a process of its own, on the sources; killed when the test ends. */
export function runProgram<Message>(name: string, options: object): Program<Message> {
  const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
  const child = spawn(
    process.execPath,
    [
      "--conditions=@etcdkit/source",
      "--import",
      import.meta.resolve("tsx"),
      file,
      JSON.stringify(options),
    ],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  const messages: Message[] = [];
  let unread = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (unread + text).split("\n");
    unread = lines.pop() ?? "";
    messages.push(...lines.map((line) => JSON.parse(line) as Message));
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const ended = once(child, "close").then(([code, signal]) => code ?? signal);
  const message = async (which: (message: Message) => boolean, withinMs = 10_000) => {
    const over = () => child.exitCode !== null || child.signalCode !== null;
    const heard = () => messages.find(which);
    await eventually(() => heard() !== undefined || over(), { withinMs }).catch(() => undefined);
    const found = heard();
    if (found !== undefined) return found;
    const what = over() ? "has ended" : `has not said so within ${withinMs} ms`;
    throw new Error(`${name} ${what}: ${JSON.stringify(messages.slice(-3))} ${complaints}`);
  };
  return { process: child, messages, message, ended, complaints: () => complaints };
}
