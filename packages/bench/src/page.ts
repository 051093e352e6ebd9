import { cpus, release, totalmem, type } from "node:os";
import { Measured } from "./compare.js";
import { short } from "./numbers.js";
import type { Outcome } from "./run.js";
import { type ServerName, serverNames } from "./servers.js";
import { figuresTable, ratiosTable, targetsTable } from "./tables.js";
import { workloads } from "./workloads/all.js";

/** All that there is to know of one run of the whole. */
export interface Report extends Outcome {
  readonly date: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly machine: { readonly [what: string]: string };
}

const titles: Record<ServerName, string> = {
  single: "One etcd on disk",
  cluster: "Three members on this machine",
};

export function machine(): Report["machine"] {
  const [cpu] = cpus();
  return {
    processor: `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    Node: process.versions.node,
  };
}

/** What was measured, in Markdown. `plot`: where the picture is, seen from the page. */
export function page(report: Report, plot: string | undefined): string {
  const measured = new Measured(report.runs);
  const parts = [
    `Measured on ${report.date}: ${described(report)}.`,
    plot && `![How many times better than Go](${plot})`,
    ...serverNames.flatMap((server) => {
      const ratios = ratiosTable(measured, server, workloads);
      const targets = targetsTable(measured, server, workloads);
      if (!measured.any(server)) return [];
      return [
        `## ${titles[server]}`,
        ...(targets && server === "single" ? ["### Targets", targets] : []),
        ...(ratios ? ["### Times better than each peer", ratios] : []),
        "### Figures",
        ...workloads.flatMap((workload) => {
          const figures = figuresTable(measured, server, workload);
          return figures ? [`**${workload.title}** (\`${workload.name}\`)`, figures] : [];
        }),
      ];
    }),
    ...(report.leftOut.length > 0
      ? ["## Left out in this run", report.leftOut.map((one) => `- ${one}`).join("\n")]
      : []),
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

function described({ machine, etcd, rounds, seconds, fsyncMs, runs }: Report): string {
  const disk = serverNames.flatMap((server) => {
    const ms = fsyncMs[server];
    return ms ? [`${short(ms)} ms (${server})`] : [];
  });
  const fewer = workloads.flatMap((one) =>
    (one.rounds ?? rounds) < rounds && runs.some(({ workload }) => workload === one.name)
      ? [`${one.rounds} of ${one.name}`]
      : [],
  );
  const but = fewer.length > 0 ? `, but ${fewer.join(", ")}` : "";
  return [
    ...Object.entries(machine).map(([what, value]) => `${what} ${value}`),
    `etcd ${etcd}`,
    `${rounds} rounds of ${seconds} s${but}`,
    `a write to etcd's log took ${disk.join(" and ")} on average`,
  ].join("; ");
}
