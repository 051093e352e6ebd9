/** What a run of one workload by one peer comes to. */
export type Figures = Partial<Record<FigureName, number>>;

export type FigureName = keyof typeof figures;

export interface Figure {
  readonly label: string;
  readonly better: "more" | "less";
}

/** In the order in which they are shown. */
export const figures = {
  opsPerS: { label: "a second", better: "more" },
  p50Ms: { label: "p50 ms", better: "less" },
  p99Ms: { label: "p99 ms", better: "less" },
  enterMs: { label: "enter ms", better: "less" },
  leaveMs: { label: "leave ms", better: "less" },
  joinsPerS: { label: "joins a second", better: "more" },
  listMs: { label: "list ms", better: "less" },
  goodbyeMs: { label: "goodbye p50 ms", better: "less" },
  cpuUs: { label: "CPU µs", better: "less" },
  calls: { label: "calls", better: "less" },
  openMs: { label: "opening ms", better: "less" },
  holdCpuPercent: { label: "CPU held, % of a core", better: "less" },
  memoryKiB: { label: "KiB each", better: "less" },
  streams: { label: "streams", better: "less" },
  lost: { label: "lost", better: "less" },
} as const satisfies Record<string, Figure>;

/** In milliseconds, by nearest rank, as the Go program computes them. */
export function percentiles(samples: readonly number[]): { p50Ms: number; p99Ms: number } {
  const sorted = Float64Array.from(samples).sort();
  const rank = (p: number) => sorted[Math.max(Math.ceil(p * sorted.length), 1) - 1] ?? Number.NaN;
  return { p50Ms: rank(0.5), p99Ms: rank(0.99) };
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const below = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const above = sorted[Math.floor(middle)] ?? Number.NaN;
  return (below + above) / 2;
}
