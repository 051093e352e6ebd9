import { Mutex } from "@etcdkit/mutex";
import { bareLocks } from "../bare-lock.js";
import { Calls } from "../calls.js";
import { nth, openSessions } from "../sessions.js";
import { timed } from "../timed.js";
import type { Workload } from "../workload.js";

export const tryLock: Workload = {
  name: "try-lock",
  group: "mutex",
  title: "tryLock and release, nobody else, one at a time",
  headline: "opsPerS",
  targets: [{ figure: "calls", atMost: 2 }],
  run: {
    async etcdkit({ endpoints, seconds }) {
      const calls = new Calls();
      const sessions = await openSessions(calls.connect(endpoints), 1);
      const mutex = new Mutex(nth(sessions, 0), "bench/lock");
      return timed({ seconds, workers: 1, calls }, async () => {
        const lock = await mutex.tryLock();
        if (!lock) throw new Error("nobody else could hold it");
        await lock.release();
      });
    },
    async bare({ endpoints, seconds }) {
      const calls = new Calls();
      const lock = nth(await bareLocks(calls.etcd3(endpoints), 1), 0);
      return timed({ seconds, workers: 1, calls }, async () => lock.unlock(await lock.lock()));
    },
  },
};
