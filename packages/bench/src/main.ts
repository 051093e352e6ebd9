import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Measured } from "./compare.js";
import { endOnSignals } from "./ending.js";
import { readOptions, usage } from "./options.js";
import { machine, page, type Report } from "./page.js";
import { plot } from "./plot.js";
import { runAll } from "./run.js";
import { serverNames } from "./servers.js";
import { ratiosTable, targetsTable } from "./tables.js";
import { workloads } from "./workloads/all.js";

// one folder below the package, built or not
const results = fileURLToPath(new URL("../results/", import.meta.url));
const published = fileURLToPath(new URL("../../../BENCHMARKS.md", import.meta.url));
const [BEGIN, END] = [
  "<!-- figures: written by pnpm bench --publish -->",
  "<!-- end of figures -->",
];

endOnSignals();
const options = readOptions(process.argv.slice(2));
if (!options) {
  print(usage);
} else {
  const started = Date.now();
  const profiling = ["--cpu-prof", `--cpu-prof-dir=${results}profiles`];
  const outcome = await runAll(
    { ...options, ...(options.profile && { node: [...process.execArgv, ...profiling] }) },
    print,
  );
  const { rounds, seconds } = options;
  const date = new Date(started).toISOString().slice(0, 10);
  const report: Report = { date, rounds, seconds, machine: machine(), ...outcome };
  const name = options.publish ? "published" : "latest";
  await write(report, name);
  if (options.publish) await publish(report);
  show(report);
  const minutes = ((Date.now() - started) / 60_000).toFixed(1);
  print(`\n${minutes} minutes; all of it in packages/bench/results/${name}.*`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function write(report: Report, name: string): Promise<void> {
  await mkdir(results, { recursive: true });
  const picture = plot(new Measured(report.runs), workloads);
  await writeFile(`${results}${name}.json`, `${JSON.stringify(report, undefined, 1)}\n`);
  if (picture) await writeFile(`${results}${name}.svg`, picture);
  if (name === "published") return;
  await writeFile(`${results}${name}.md`, page(report, picture && `${name}.svg`));
}

/** Between its two marks; what stands around them is written by hand. */
async function publish(report: Report): Promise<void> {
  const text = await readFile(published, "utf8");
  const [before, rest] = text.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (after === undefined) throw new Error(`BENCHMARKS.md lacks ${BEGIN} or ${END}`);
  const figures = page(report, "packages/bench/results/published.svg");
  await writeFile(published, `${before}${BEGIN}\n\n${figures}\n${END}${after}`);
}

function show({ runs, leftOut }: Report): void {
  const measured = new Measured(runs);
  for (const server of serverNames) {
    if (!measured.any(server)) continue;
    print(`\n${server}\n`);
    print(ratiosTable(measured, server, workloads) ?? "nothing to compare");
    const targets = server === "single" && targetsTable(measured, server, workloads);
    if (targets) print(`\n${targets}`);
  }
  if (leftOut.length > 0) print(`\nleft out:\n${leftOut.join("\n")}`);
}
