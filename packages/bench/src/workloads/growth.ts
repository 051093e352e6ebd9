import { Mutex } from "@etcdkit/mutex";
import { Calls } from "../calls.js";
import { goRotation } from "../go-rotation.js";
import { rotate } from "../rotate.js";
import { nth, openSessions } from "../sessions.js";
import type { Workload } from "../workload.js";

/** What a turn costs with so many in line all the time: whoever had a turn goes to the end of it. */
function growth(waiting: number, goPerSecond: number): Workload {
  return {
    name: `growth-${waiting}`,
    group: "growth",
    title: `one lock, ${waiting.toLocaleString("en")} in line`,
    headline: "opsPerS",
    rounds: waiting > 1_000 ? 1 : 2,
    go: goRotation(
      "lock-contended",
      waiting,
      goPerSecond,
      "cycles_s",
      Math.ceil(waiting / 10) + 50,
    ),
    run: {
      async etcdkit({ endpoints, seconds }) {
        const calls = new Calls();
        const sessions = await openSessions(calls.connect(endpoints), waiting);
        const mutexes = sessions.map((session) => new Mutex(session, "bench/lock"));
        return rotate({
          seconds,
          contenders: waiting,
          calls,
          lined: async () => (await nth(mutexes, 0).contenders()).length === waiting,
          acquire: async (n) => {
            const lock = await nth(mutexes, n).lock();
            return () => lock.release();
          },
        });
      },
    },
  };
}

export const growths: Workload[] = [
  growth(10, 100),
  growth(100, 600),
  growth(1_000, 600),
  growth(10_000, 300),
];
