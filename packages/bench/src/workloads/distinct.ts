import { Mutex } from "@etcdkit/mutex";
import { bareLocks } from "../bare-lock.js";
import { Calls } from "../calls.js";
import { redlock } from "../redis.js";
import { nth, openSessions } from "../sessions.js";
import { timed } from "../timed.js";
import type { Target, Workload } from "../workload.js";

const TTL = 60;

/** Locks that nobody else wants, `names` at a time, each taken and released again and again. */
function distinct(
  names: number,
  go: { perSecond: number },
  text: Pick<Workload, "name" | "title">,
  targets: Target[],
): Workload {
  return {
    ...text,
    group: "mutex",
    headline: "opsPerS",
    targets,
    go: {
      bench: names === 1 ? "lock-uncontended" : "lock-many",
      flags: { c: names },
      perSecond: go.perSecond,
      rate: "cycles_s",
      read: (line) => ({
        opsPerS: Number(line.cycles_s),
        p50Ms: Number(line.op_p50_ms),
        p99Ms: Number(line.op_p99_ms),
        cpuUs: (Number(line.client_cpu_s) * 1e6) / Number(line.n),
        calls: Number(line.unary_per_op),
      }),
    },
    run: {
      async etcdkit({ endpoints, seconds }) {
        const calls = new Calls();
        const sessions = await openSessions(calls.connect(endpoints), names);
        const mutexes = sessions.map((session, n) => new Mutex(session, `bench/lock/${n}`));
        return timed({ seconds, workers: names, calls }, async (n) => {
          const lock = await nth(mutexes, n).lock();
          await lock.release();
        });
      },
      async etcd3({ endpoints, seconds }) {
        const calls = new Calls();
        const client = calls.etcd3(endpoints);
        return timed({ seconds, workers: names, calls }, async (n) => {
          const lock = client.lock(`bench/lock/${n}`).ttl(TTL);
          await lock.acquire();
          await lock.release();
        });
      },
      async bare({ endpoints, seconds }) {
        const calls = new Calls();
        const locks = await bareLocks(calls.etcd3(endpoints), names);
        return timed({ seconds, workers: names, calls }, async (n) => {
          const lock = nth(locks, n);
          await lock.unlock(await lock.lock());
        });
      },
      async redlock({ redis, seconds }) {
        const locks = redlock(redis);
        return timed({ seconds, workers: names }, async (n) => {
          const lock = await locks.acquire([`bench/lock/${n}`], TTL * 1_000);
          await lock.unlock();
        });
      },
    },
  };
}

export const uncontended = distinct(
  1,
  { perSecond: 2_000 },
  { name: "uncontended", title: "lock and release, nobody else, one at a time" },
  [
    { figure: "opsPerS", better: 0.9, than: "bare" },
    { figure: "calls", atMost: 2 },
  ],
);

export const distinct64 = distinct(
  64,
  { perSecond: 7_000 },
  { name: "distinct-64", title: "64 names at once, one contender each" },
  [{ figure: "opsPerS", better: 1.5 }],
);

export const distinct1000 = distinct(
  1_000,
  { perSecond: 7_000 },
  { name: "distinct-1000", title: "1,000 names at once, one contender each" },
  [{ figure: "opsPerS", better: 2 }],
);
