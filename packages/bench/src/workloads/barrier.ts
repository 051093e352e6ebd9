import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Barrier } from "@etcdkit/barrier";
import { Calls } from "../calls.js";
import { percentiles } from "../figures.js";
import { unaryOf } from "../go-rpcs.js";
import { Span } from "../span.js";
import type { Workload } from "../workload.js";

const WAITERS = 1_000;
const SETTLE_MS = 300;

export const barrier: Workload = {
  name: "barrier-1000",
  group: "barrier",
  title: "barrier, from the release to the last of 1,000 waiters",
  headline: "p50Ms",
  targets: [{ figure: "p50Ms", better: 1 }],
  go: {
    bench: "barrier",
    flags: { c: WAITERS, settle: `${SETTLE_MS}ms` },
    perSecond: 2.5,
    read: (line) => ({
      p50Ms: Number(line.all_woken_p50_ms),
      p99Ms: Number(line.all_woken_p99_ms),
      cpuUs: (Number(line.client_cpu_s) * 1e6) / Number(line.n) / WAITERS,
      calls: unaryOf(line.rpcs) / Number(line.n) / WAITERS,
    }),
  },
  run: {
    async etcdkit({ endpoints, seconds }) {
      const calls = new Calls();
      const etcd = calls.connect(endpoints);
      const took: number[] = [];
      const span = new Span(calls);
      for (let round = 0; round === 0 || span.elapsedS < seconds; round++) {
        const name = `bench/barrier/${round}`;
        const hold = new Barrier(etcd, name);
        await hold.hold();
        const waiting = Array.from({ length: WAITERS }, () => new Barrier(etcd, name).wait());
        await sleep(SETTLE_MS);
        const start = performance.now();
        await Promise.all([hold.release(), ...waiting]);
        took.push(performance.now() - start);
      }
      const { cpuUs, calls: sent } = span.end(took.length * WAITERS);
      return { ...percentiles(took), cpuUs: cpuUs ?? 0, calls: sent ?? 0 };
    },
  },
};
