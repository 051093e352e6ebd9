import type { Server } from "node:net";
import { listen } from "./listen.js";

// Below every usual ephemeral range: a client that keeps dialling a dead member from an ephemeral
// port could otherwise be given that very port, connect to itself, and keep the member from coming back.
const LOWEST = 10_000;
const HIGHEST = 32_000;

// Each process draws from parts of them that are its own, and never the same twice: a server that is down for a moment, or a proxy
// that is cut, needs its port again, and nothing else can keep it. A part is ours while we listen at its own port above `HIGHEST`.
const PARTS = 100;
const PART_SIZE = (HIGHEST - LOWEST) / PARTS;

/** What is left of a part. */
interface Part {
  next: number;
  readonly end: number;
}

let present: Promise<Part> | undefined;

/**
 * Ports of 127.0.0.1 that nothing listens on at the moment. A process that draws none this way may take one before it
 * is used: be ready to ask again.
 *
 * @throws Node's own error, such as `EPERM` or `EMFILE`, where this process cannot listen at any
 */
export async function freePorts(count: number): Promise<number[]> {
  const free: number[] = [];
  while (free.length < count) {
    const port = await draw();
    if (await isFree(port)) free.push(port);
  }
  return free;
}

/** One port of 127.0.0.1 that nothing listens on; see {@link freePorts}. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** Whether nothing listens on that port of 127.0.0.1 at the moment. */
export async function isFree(port: number): Promise<boolean> {
  const probe = await listenAt(port);
  if (!probe) return false;
  await new Promise((resolve) => probe.close(resolve));
  return true;
}

async function draw(): Promise<number> {
  present ??= claimPart();
  const asked = present;
  const leave = () => {
    if (present === asked) present = undefined;
  };
  const part = await asked.catch((error) => {
    leave();
    throw error;
  });
  if (part.next < part.end) return part.next++;
  leave();
  return await draw();
}

async function claimPart(): Promise<Part> {
  let part = process.pid % PARTS;
  for (let tried = 0; tried < PARTS; tried++) {
    const claim = await listenAt(HIGHEST + part);
    claim?.unref();
    if (claim) break;
    part = (part + 1) % PARTS;
  }
  // where all are somebody's, the one that it began with is shared
  const next = LOWEST + part * PART_SIZE;
  return { next, end: next + PART_SIZE };
}

/** Undefined: somebody does. */
async function listenAt(port: number): Promise<Server | undefined> {
  try {
    return await listen(port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return undefined;
    // in a sandbox, say, where it would be the same with each port
    throw error;
  }
}
