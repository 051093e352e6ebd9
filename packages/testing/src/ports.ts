import { createServer } from "node:net";

// Below every usual ephemeral range: a client that keeps dialling a dead member from an ephemeral
// port could otherwise be given that very port, connect to itself, and keep the member from coming back.
const LOWEST = 10_000;
const HIGHEST = 32_000;

// Each process draws from its own part of them, and never the same twice: a server that is down for a moment, or a proxy that is
// cut, needs its port again, and nothing else can keep it.
const PARTS = 100;
const PART_SIZE = (HIGHEST - LOWEST) / PARTS;
let drawn = (process.pid % PARTS) * PART_SIZE;

/**
 * Ports of 127.0.0.1 that nothing listens on at the moment. Another process may take one before it
 * is used: be ready to ask again.
 *
 * @throws Node's own error, such as `EPERM` or `EMFILE`, where this process cannot listen at any
 */
export async function freePorts(count: number): Promise<number[]> {
  const free: number[] = [];
  while (free.length < count) {
    const port = LOWEST + (drawn++ % (HIGHEST - LOWEST));
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
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      // in a sandbox, say, where it would be the same with each port
      else reject(error);
    });
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
