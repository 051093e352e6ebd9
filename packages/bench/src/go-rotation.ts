import type { GoRun } from "./workload.js";

/** The Go program's rotation among `contenders`: its mutex, or its election. */
export function goRotation(
  bench: string,
  contenders: number,
  perSecond: number,
  rate: string,
  warmup?: number,
): GoRun {
  return {
    bench,
    flags: { c: contenders },
    perSecond,
    rate,
    // all should stand in line before it counts
    warmup: warmup ?? Math.ceil(Math.max(contenders, perSecond / 4)),
    read: (line) => ({
      opsPerS: Number(line[rate]),
      p50Ms: Number(line.handover_p50_ms),
      p99Ms: Number(line.handover_p99_ms),
      cpuUs: (Number(line.client_cpu_s) * 1e6) / Number(line.n),
      calls: Number(line.unary_per_op),
    }),
  };
}
