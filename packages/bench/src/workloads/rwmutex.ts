import { RWMutex } from "@etcdkit/rwmutex";
import { Calls } from "../calls.js";
import { nth, openSessions } from "../sessions.js";
import { timed } from "../timed.js";
import type { Workload } from "../workload.js";

const READERS = 8;
const WRITERS = 2;

export const rwmutex: Workload = {
  name: "rwmutex-8-2",
  group: "rwmutex",
  title: "read-write lock, 8 readers and 2 writers",
  headline: "opsPerS",
  targets: [{ figure: "opsPerS", better: 5 }],
  go: {
    bench: "rwmutex",
    flags: { readers: READERS, writers: WRITERS },
    perSecond: 97,
    rate: "cycles_s",
    warmup: 20,
    read: (line) => ({
      opsPerS: Number(line.cycles_s),
      // of both kinds, by their number: the program tells them apart
      p50Ms: weighted(line, "p50"),
      p99Ms: weighted(line, "p99"),
      cpuUs: (Number(line.client_cpu_s) * 1e6) / Number(line.n),
      calls: Number(line.unary_per_op),
    }),
  },
  run: {
    async etcdkit({ endpoints, seconds }) {
      const calls = new Calls();
      const sessions = await openSessions(calls.connect(endpoints), READERS + WRITERS);
      const locks = sessions.map((session) => new RWMutex(session, "bench/rw"));
      return timed({ seconds, workers: READERS + WRITERS, calls }, async (n) => {
        const mutex = nth(locks, n);
        // out again at once, as in the Go program
        const lock = await (n < READERS ? mutex.readLock() : mutex.writeLock());
        await lock.release();
      });
    },
  },
};

function weighted(line: Record<string, unknown>, rank: string): number {
  const reads = Number(line.reads);
  const writes = Number(line.writes);
  const of = (kind: string) => Number(line[`${kind}lock_${rank}_ms`] ?? 0);
  return (of("r") * reads + of("w") * writes) / (reads + writes);
}
