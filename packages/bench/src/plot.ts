import type { Measured, Spread } from "./compare.js";
import { figures } from "./figures.js";
import { short } from "./numbers.js";
import type { Workload } from "./workload.js";

const ROW = 26;
const TOP = 74;
const BOTTOM = 46;
const LEFT = 460;
const WIDTH = 1040;
const RIGHT = 70;

const INK = "#1f2933";
const FAINT = "#d9dee4";
const AHEAD = "#2166ac";
const BEHIND = "#b2552a";

interface Row {
  readonly title: string;
  readonly advantage: Spread;
  readonly target: number | undefined;
}

/**
 * How many times better than Go etcdkit is, a line a workload, on a scale of factors: the dot is the median, the bar goes from the
 * worst round to the best, the small upright line is the target. `undefined` where nothing was compared.
 */
export function plot(measured: Measured, workloads: readonly Workload[]): string | undefined {
  const rows = workloads.flatMap((workload) => rowOf(measured, workload));
  if (rows.length === 0) return undefined;
  const values = rows.flatMap(({ advantage, target }) => [
    advantage.least,
    advantage.most,
    target ?? 1,
  ]);
  const scale = scaleOf(Math.min(0.5, ...values), Math.max(2, ...values));
  const bottom = TOP + rows.length * ROW;
  const height = bottom + BOTTOM;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    "<title>etcdkit against Go's client: how many times better, by workload</title>",
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="28" font-size="17" font-weight="600">etcdkit against Go's client, on one etcd on disk</text>`,
    `<text x="20" y="50" fill="#52606d">times better than Go, median of the rounds and their spread; upright line: the target; orange: short of it, or of Go</text>`,
    ...scale.ticks.map((tick) => axis(tick, scale.x(tick), bottom)),
    ...rows.map((row, n) => drawn(row, TOP + (n + 0.5) * ROW, scale.x)),
    "</svg>\n",
  ].join("\n");
}

function rowOf(measured: Measured, workload: Workload): Row[] {
  const { title, headline, targets = [] } = workload;
  const advantage = measured.advantage("single", workload, "go", headline);
  if (!advantage) return [];
  const target = targets.find(({ figure, than }) => figure === headline && than === undefined);
  const aim = target?.better ?? (target?.times && 1 / target.times);
  return [{ title: `${title} · ${figures[headline].label}`, advantage, target: aim }];
}

function scaleOf(least: number, most: number) {
  const [from, to] = [Math.log10(least) - 0.05, Math.log10(most) + 0.1];
  const x = (value: number) =>
    LEFT + ((Math.log10(value) - from) / (to - from)) * (WIDTH - RIGHT - LEFT);
  const ticks = [-2, -1, 0, 1, 2, 3]
    .flatMap((power) => [1, 2, 5].map((step) => Number(`${step}e${power}`)))
    .filter((tick) => Math.log10(tick) >= from && Math.log10(tick) <= to);
  return { x, ticks };
}

function axis(tick: number, x: number, bottom: number): string {
  const stroke = tick === 1 ? INK : FAINT;
  const at = x.toFixed(1);
  return (
    `<line x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${bottom}" stroke="${stroke}"/>` +
    `<text x="${at}" y="${bottom + 18}" text-anchor="middle">${tick === 1 ? "as Go" : `${short(tick)} ×`}</text>`
  );
}

function drawn({ title, advantage, target }: Row, y: number, x: (value: number) => number): string {
  const { median, least, most } = advantage;
  const colour = median >= (target ?? 1) ? AHEAD : BEHIND;
  const [from, to, at] = [x(least), x(most), x(median)].map((place) => place.toFixed(1));
  const aim = target && x(target).toFixed(1);
  return [
    `<text x="${LEFT - 14}" y="${y + 4}" text-anchor="end">${escaped(title)}</text>`,
    `<line x1="${from}" x2="${to}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="6" stroke-linecap="round" opacity="0.35"/>`,
    `<circle cx="${at}" cy="${y}" r="5" fill="${colour}"/>`,
    aim &&
      `<line x1="${aim}" x2="${aim}" y1="${y - 9}" y2="${y + 9}" stroke="${INK}" stroke-width="2"/>`,
    `<text x="${WIDTH - 12}" y="${y + 4}" text-anchor="end" fill="${colour}" font-weight="600">${short(median)} ×</text>`,
  ].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
