import { spawn } from "node:child_process";

/** Call off the guard, once what it guards is gone. */
export type Disarm = () => void;

/**
 * Sees to it that a child process does not outlive this one, however this one ends, SIGKILL
 * included: a shell waits for the end of a pipe that only this process holds open, and then kills
 * the child (and removes its folder, if one is given). An `exit` listener cannot do that.
 */
export function guard(pid: number, folder: string | undefined): Disarm {
  const shell = spawn(
    "/bin/sh",
    [
      "-c",
      'read -r _; kill -KILL "$1"; [ -z "$2" ] || rm -rf -- "$2"',
      "sh",
      `${pid}`,
      folder ?? "",
    ],
    // of a session of its own, or Ctrl-C would end the guard together with what it watches
    { detached: true, stdio: ["pipe", "ignore", "ignore"] },
  );
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  // a pipe is a socket here, though its type does not say so
  if ("unref" in shell.stdin && typeof shell.stdin.unref === "function") shell.stdin.unref();
  return () => void shell.kill("SIGKILL");
}
