import { markdownTable } from "markdown-table";
import type { Measured, Verdict } from "./compare.js";
import { type FigureName, figures } from "./figures.js";
import { short, spreadOf } from "./numbers.js";
import type { ServerName } from "./servers.js";
import { type PeerName, peers, type Target, type Workload } from "./workload.js";

const peerNames = Object.keys(peers) as PeerName[];
const figureNames = Object.keys(figures) as FigureName[];

/** What was aimed at, and what came of it. */
export function targetsTable(
  measured: Measured,
  server: ServerName,
  workloads: readonly Workload[],
): string | undefined {
  const rows = workloads.flatMap((workload) =>
    (workload.targets ?? []).flatMap((target) => {
      const verdict = measured.verdict(server, workload, target);
      return verdict ? [[workload.title, ...wordsOf(target, verdict)]] : [];
    }),
  );
  if (rows.length === 0) return undefined;
  return markdownTable([["workload", "target", "measured", ""], ...rows], { align: "llr" });
}

function wordsOf(target: Target, verdict: Verdict): string[] {
  const { figure, better, times, atMost, than = "go" } = target;
  const { label } = figures[figure];
  const met = verdict.always ? "met" : "met, not in every round";
  const end = verdict.met ? met : `**missed** ${missedBy(verdict)}`;
  if (atMost !== undefined) {
    return [`${label}: at most ${short(atMost)}`, spreadOf(verdict.measured), end];
  }
  const aim =
    better !== undefined
      ? `${label}: at least ${short(better)} × ${figures[figure].better === "more" ? "that of" : "better than"} ${peers[than]}`
      : `${label}: at most ${short(times ?? 1)} × ${peers[than]}'s`;
  return [aim, spreadOf(verdict.measured, " ×"), end];
}

function missedBy({ short: factor }: Verdict): string {
  if (!Number.isFinite(factor)) return "";
  return factor < 2 ? `by ${short((factor - 1) * 100)} %` : `by a factor of ${short(factor)}`;
}

/** Of each workload etcdkit against each peer: how many times better, by the figure that stands for it. */
export function ratiosTable(
  measured: Measured,
  server: ServerName,
  workloads: readonly Workload[],
): string | undefined {
  const others = peerNames
    .slice(1)
    .filter((peer) => workloads.some((one) => measured.ratio(server, one, peer, one.headline)));
  const rows = workloads
    .filter((one) => others.some((peer) => measured.ratio(server, one, peer, one.headline)))
    .map((one) => [
      one.title,
      figures[one.headline].label,
      ...others.map((peer) => {
        const advantage = measured.advantage(server, one, peer, one.headline);
        return advantage ? spreadOf(advantage, " ×") : "";
      }),
    ]);
  if (rows.length === 0) return undefined;
  const head = ["workload", "figure", ...others.map((peer) => `× better than ${peers[peer]}`)];
  return markdownTable([head, ...rows], { align: ["l", "l", ...others.map(() => "r")] });
}

/** Every figure of every peer, one table a workload. */
export function figuresTable(
  measured: Measured,
  server: ServerName,
  workload: Workload,
): string | undefined {
  const present = peerNames.filter((peer) => measured.has(server, workload, peer));
  if (present.length === 0) return undefined;
  const columns = figureNames.filter((figure) =>
    present.some((peer) => measured.figure(server, workload, peer, figure)),
  );
  const rows = present.map((peer) => [
    peers[peer],
    ...columns.map((figure) => {
      const spread = measured.figure(server, workload, peer, figure);
      return spread ? spreadOf(spread) : "";
    }),
  ]);
  const head = ["", ...columns.map((figure) => figures[figure].label)];
  return markdownTable([head, ...rows], { align: ["l", ...columns.map(() => "r")] });
}
