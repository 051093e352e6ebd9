import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface GuardedOptions {
  env: NodeJS.ProcessEnv;
  /** Descriptor of the file that takes what the child writes. */
  log: number;
  /** Removed when this process ends before the child; `undefined`: none. */
  folder: string | undefined;
}

// waits for the end of a pipe that only this process holds open; an `exit` listener hears of no SIGKILL
const GUARD =
  'read -r pid; read -r _; [ -z "$pid" ] || kill -KILL "$pid"; [ -z "$1" ] || rm -rf -- "$1"';
// becomes the command; the guard knows its pid before, and until then the pipe is held open here too
const CHILD = 'echo $$ >&3 && exec "$@" 3>&-';

/**
 * Starts a child process that does not outlive this one, however and whenever this one ends, SIGKILL
 * included: a shell that is there before it kills it then.
 *
 * @throws Node's own error when one of the two cannot be started; that of a command that cannot be run is in the log
 */
export async function spawnGuarded(
  command: string,
  args: string[],
  { env, log, folder }: GuardedOptions,
): Promise<ChildProcess> {
  // both are of a session of their own, or Ctrl-C would end the guard together with what it watches,
  // and the child before the tests have cleaned up
  const guard = spawn("/bin/sh", ["-c", GUARD, "sh", folder ?? ""], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  await once(guard, "spawn");
  const pipe = guard.stdin;
  pipe.on("error", () => undefined);
  guard.unref();
  // a pipe is a socket here, though its type does not say so
  if ("unref" in pipe && typeof pipe.unref === "function") pipe.unref();
  const callOff = () => void guard.kill("SIGKILL");
  try {
    const child = spawn("/bin/sh", ["-c", CHILD, "sh", command, ...args], {
      detached: true,
      env,
      stdio: ["ignore", log, log, pipe],
    });
    child.once("exit", callOff);
    await once(child, "spawn");
    return child;
  } catch (error) {
    callOff();
    throw error;
  }
}
