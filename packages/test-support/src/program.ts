import { fileURLToPath } from "node:url";
import { eventually } from "@etcdkit/testing";
import { jsonLines } from "./json-lines.js";
import { type SourceProcess, startSource } from "./source.js";

/** A process that says one JSON text a line. */
export interface Program<Message> extends Omit<SourceProcess, "stdout"> {
  /** What it has said so far. */
  readonly messages: Message[];
  /** The first message that `which` takes. Rejects when the program ends without one. */
  message(which: (message: Message) => boolean, withinMs?: number): Promise<Message>;
}

/** Runs `file`, on the sources, with `options` as a JSON text for its argument; killed when the test ends. */
export function runProgram<Message>(file: URL, options: object): Program<Message> {
  const { stdout: _, ...started } = startSource(fileURLToPath(file), JSON.stringify(options));
  const messages = jsonLines<Message>(started.process.stdout);
  const message = async (which: (message: Message) => boolean, withinMs = 10_000) => {
    const heard = () => messages.find(which);
    const over = () => heard() !== undefined || !started.running();
    await eventually(over, { withinMs }).catch(() => undefined);
    const found = heard();
    if (found !== undefined) return found;
    const what = started.running() ? `has not said so within ${withinMs} ms` : "has ended";
    const last = JSON.stringify(messages.slice(-3));
    throw new Error(`${file.pathname} ${what}: ${last} ${started.stderr()}`);
  };
  return { ...started, messages, message };
}
