import type { Readable } from "node:stream";

/** What a program says, as it comes: one JSON text a line. */
export function jsonLines<Message>(output: Readable): Message[] {
  const messages: Message[] = [];
  let unread = "";
  output.setEncoding("utf8").on("data", (text: string) => {
    const lines = (unread + text).split("\n");
    unread = lines.pop() ?? "";
    messages.push(...lines.map((line) => JSON.parse(line) as Message));
  });
  return messages;
}
