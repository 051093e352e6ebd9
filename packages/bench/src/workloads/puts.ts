import { Calls } from "../calls.js";
import { timed } from "../timed.js";
import type { Workload } from "../workload.js";

/** What this etcd on this machine can do at all, in the same minutes. */
function puts(atOnce: number, goPerSecond: number): Workload {
  return {
    name: `puts-${atOnce}`,
    group: "puts",
    title: atOnce === 1 ? "a put, one at a time" : `puts, ${atOnce} at once`,
    headline: "opsPerS",
    go: {
      bench: "raw-put",
      flags: { c: atOnce },
      perSecond: goPerSecond,
      rate: "ops_s",
      read: (line) => ({
        opsPerS: Number(line.ops_s),
        p50Ms: Number(line.op_p50_ms),
        p99Ms: Number(line.op_p99_ms),
        cpuUs: (Number(line.client_cpu_s) * 1e6) / Number(line.n),
        calls: Number(line.unary_per_op),
      }),
    },
    run: {
      async bare({ endpoints, seconds }) {
        const calls = new Calls();
        const client = calls.etcd3(endpoints);
        const value = "v".repeat(32);
        return timed({ seconds, workers: atOnce, calls }, async (n) => {
          await client.put(`bench/put/${n}`).value(value);
        });
      },
    },
  };
}

export const limits: Workload[] = [puts(1, 4_600), puts(64, 20_000)];
