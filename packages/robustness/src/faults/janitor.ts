import { spawn } from "node:child_process";

// Names are given line by line; the end of the pipe is the end of the run, however it ended.
const SCRIPT = `
pids= spaces=
while read -r verb what; do
  case $verb in
    process) pids="$pids $what" ;;
    ended) pids=$(for pid in $pids; do [ "$pid" = "$what" ] || printf ' %s' "$pid"; done) ;;
    namespace) spaces="$spaces $what" ;;
    done) exit 0 ;;
  esac
done
for pid in $pids; do kill -KILL "$pid"; done
for space in $spaces; do ip netns delete "$space"; done
`;

/**
 * Sees to it that nothing outlives the run, also where it is killed by SIGKILL: a shell waits for the end of a pipe that only
 * this process holds open. A frozen client could not even notice that the run is gone.
 */
export class Janitor {
  readonly #shell = spawn("/bin/sh", ["-c", SCRIPT], {
    // of a session of its own, or Ctrl-C would end it before what it is there for
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });

  constructor() {
    this.#shell.on("error", () => undefined);
    this.#shell.stdin.on("error", () => undefined);
    this.#shell.unref();
  }

  process(pid: number): void {
    this.#tell(`process ${pid}`);
  }

  /** Its pid may be another's from now on. */
  ended(pid: number): void {
    this.#tell(`ended ${pid}`);
  }

  namespace(name: string): void {
    this.#tell(`namespace ${name}`);
  }

  /** All is put away. */
  dismiss(): void {
    this.#tell("done");
    this.#shell.stdin.end();
  }

  #tell(line: string): void {
    this.#shell.stdin.write(`${line}\n`);
  }
}
