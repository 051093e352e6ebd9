import { Program } from "./program.js";

/** Of all its sessions. */
export const DEMO_TTL_MS = 5_000;

/** The demo, once a leader is elected and its first turn is taken, and the processes it told of. */
export async function startDemo(endpoints?: string[]) {
  const program = new Program(".", "demo", endpoints);
  const etcd = endpoints ? undefined : await program.printed(/started for this, pid (\d+)/);
  const who = await program.printed(/ada \(pid (\d+)\), ben \(pid (\d+)\), cleo \(pid (\d+)\)/);
  await program.printed(/leads, token/);
  await program.printed(/holds the lock, token/);
  return { program, etcd: Number(etcd?.[1]), instances: who.slice(1).map(Number) };
}
