import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Resolves when the process has come to a stop: SIGSTOP is sent in an instant but acted on a little
 * later. Where there is no /proc (macOS) it resolves at once.
 */
export async function stopped(pid: number): Promise<void> {
  const deadline = performance.now() + 1_000;
  while (performance.now() < deadline) {
    const state = await processState(pid);
    if (state === undefined || state === "T") return;
    await sleep(1);
  }
}

async function processState(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // the name in brackets may hold spaces and brackets itself
    return stat.slice(stat.lastIndexOf(")") + 2)[0];
  } catch {
    return undefined;
  }
}
