import { grouped } from "../model/grouped.js";
import type { Outcome } from "../model/record.js";
import type { Run } from "../model/run.js";
import { counterResults } from "../validate/counters.js";
import { recoveries } from "./recovery.js";
import type { Violation } from "./violation.js";

export interface Reported {
  readonly run: Run;
  readonly violations: readonly Violation[];
  readonly leftOut: readonly string[];
  readonly complaints: readonly string[];
}

const SHOWN = 20;

/** What a reader wants to know of a run. */
export function report({ run, violations, leftOut, complaints }: Reported): string {
  const shown = violations.slice(0, SHOWN).map(({ check, told }) => `  ${check}: ${told}`);
  const more = violations.length - shown.length;
  return [
    "",
    ...faultLines(run),
    ...leftOut.map((told) => `left out: ${told}`),
    "",
    ...operationLines(run),
    "",
    `${run.beliefs.length} holdings and ${run.observations.length} observers looked at, against ${run.history.length} changes in etcd`,
    "",
    ...counterLines(run),
    "",
    ...(complaints.length > 0 ? ["clients said on stderr:", ...complaints.map(indented), ""] : []),
    violations.length === 0 ? "violations: none" : `violations: ${violations.length}`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join("\n");
}

function faultLines(run: Run): string[] {
  const times = recoveries(run);
  const rows = [...grouped(run.faults, ({ kind }) => kind)].sort().map(([kind, faults]) => {
    const own = times.flatMap(({ fault, us }) =>
      fault.kind === kind && us !== undefined ? us : [],
    );
    return [kind, `${faults.length}`, seconds(median(own)), seconds(Math.max(...own))];
  });
  const all = times.flatMap(({ us }) => us ?? []);
  const total = ["all", `${run.faults.length}`, seconds(median(all)), seconds(Math.max(...all))];
  return table(["faults", "times", "recovery: median", "longest"], [...rows, total]);
}

function operationLines({ operations }: Run): string[] {
  const outcomes: Outcome[] = [
    "done",
    "busy",
    "cancelled",
    "lost",
    "deleted",
    "refused",
    "unknown",
    "unexpected",
  ];
  const counts = (of: Run["operations"]) => [
    ...outcomes.map((outcome) => `${of.filter(({ end }) => end?.outcome === outcome).length}`),
    `${of.filter(({ end }) => !end).length}`,
  ];
  const rows = [...grouped(operations, ({ kind }) => kind)]
    .sort()
    .map(([kind, own]) => [kind, ...counts(own)]);
  return table(["operations", ...outcomes, "cut off"], [...rows, ["all", ...counts(operations)]]);
}

function counterLines(run: Run): string[] {
  const rows = counterResults(run).map(({ fenced, counted, value, lost }) => [
    fenced ? "written through guard()" : "written without a look",
    `${counted}`,
    `${value}`,
    `${lost}`,
  ]);
  return table(["counter", "counted", "value", "lost updates"], rows);
}

/** Words to the left, numbers to the right. */
function table(head: string[], rows: string[][]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  "),
  );
}

function median(of: readonly number[]): number {
  return of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;
}

function seconds(us: number): string {
  return Number.isFinite(us) ? `${(us / 1e6).toFixed(2)} s` : "-";
}

function indented(text: string): string {
  return `  ${text.replaceAll("\n", "\n  ")}`;
}
