import { grouped } from "../model/grouped.js";
import { livesUnder } from "../model/key-life.js";
import type { KeyEvent } from "../model/record.js";
import type { Operation, Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";
import { Line } from "./line.js";

const CHECK = "fenced register";

/**
 * What was written through `guard()` is what etcd's history has: each acknowledged write, and of those of unknown outcome some;
 * each by who held the lock at that revision, so that tokens never go back, and those of one holder in its order.
 */
export function checkFencedRegisters({ operations, history }: Run): Violation[] {
  const writes = operations.filter(({ detail }) => detail?.fenced);
  const byName = grouped(writes, ({ name }) => name);
  const puts = grouped(history, ({ key }) => key);
  const lines = new Map<string, Line>();
  return [...byName].flatMap(([name, all]) => {
    const lock = lockOf(all[0]);
    const line = lines.get(lock) ?? new Line(livesUnder(history, `${lock}/`));
    lines.set(lock, line);
    return ofRegister(name, all, puts.get(name) ?? [], line);
  });
}

function ofRegister(
  name: string,
  writes: readonly Operation[],
  puts: readonly KeyEvent[],
  line: Line,
): Violation[] {
  const found: Violation[] = [];
  const wrong = (told: string) => found.push({ check: CHECK, told: `${name}: ${told}` });
  const byValue = new Map(writes.map((write) => [write.detail?.value ?? "", write]));
  const at = grouped(puts, ({ value }) => value);
  for (const [value, write] of byValue) {
    const revisions = at.get(value)?.map(({ revision }) => revision) ?? [];
    const outcome = write.end?.outcome;
    const acknowledged = write.end?.detail?.revision ?? 0;
    if (outcome === "done" && !revisions.includes(acknowledged)) {
      wrong(`${value} was acknowledged at revision ${acknowledged}, and is not there`);
    }
    if (outcome === "lost" && revisions.length > 0) {
      wrong(`${value} was never sent, and is there at revision ${revisions}`);
    }
  }
  let last: Operation | undefined;
  const seen = new Set<Operation>();
  for (const { value, revision } of puts) {
    const write = byValue.get(value);
    if (!write) {
      wrong(`${value} at revision ${revision} was written by nobody`);
      continue;
    }
    const token = write.detail?.token ?? 0;
    if (!line.heldBy(token, revision)) {
      wrong(`${value} was written at revision ${revision}, when token ${token} did not hold`);
    }
    if (token < (last?.detail?.token ?? 0)) {
      wrong(`${value} with token ${token} was written after ${last?.detail?.value}`);
    }
    // etcd3's client tries again what was not answered: then it is written twice
    if (seen.has(write)) continue;
    seen.add(write);
    if (last?.detail?.token === token && write.at < last.at) {
      wrong(`${value} was written after ${last.detail?.value}, which its holder wrote later`);
    }
    last = write;
  }
  return found;
}

function lockOf(write: Operation | undefined): string {
  return write?.detail?.key?.replace(/\/[^/]*$/, "") ?? "";
}
