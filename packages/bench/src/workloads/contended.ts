import { Mutex } from "@etcdkit/mutex";
import { Calls } from "../calls.js";
import { goRotation } from "../go-rotation.js";
import { rotate } from "../rotate.js";
import { nth, openSessions } from "../sessions.js";
import type { Target, Workload } from "../workload.js";

/** Contenders of one name, each with a session of its own, all on one connection. */
function contended(contenders: number, goPerSecond: number, targets: Target[]): Workload {
  return {
    name: `contended-${contenders}`,
    group: "mutex",
    title: `${contenders} contenders of one name`,
    headline: "opsPerS",
    targets,
    go: goRotation("lock-contended", contenders, goPerSecond, "cycles_s"),
    run: {
      async etcdkit({ endpoints, seconds }) {
        const calls = new Calls();
        const sessions = await openSessions(calls.connect(endpoints), contenders);
        const mutexes = sessions.map((session) => new Mutex(session, "bench/lock"));
        return rotate({
          seconds,
          contenders,
          calls,
          acquire: async (n) => {
            const lock = await nth(mutexes, n).lock();
            return () => lock.release();
          },
        });
      },
    },
  };
}

const tenthOfTheTail: Target = { figure: "p99Ms", times: 0.1 };

export const contendedLocks: Workload[] = [
  contended(2, 24, [{ figure: "opsPerS", better: 15 }, tenthOfTheTail]),
  contended(3, 33, [tenthOfTheTail]),
  contended(5, 50, [{ figure: "opsPerS", better: 10 }, tenthOfTheTail]),
  contended(16, 160, [{ figure: "opsPerS", better: 4 }, tenthOfTheTail]),
  contended(64, 600, [{ figure: "opsPerS", better: 1 }]),
];
