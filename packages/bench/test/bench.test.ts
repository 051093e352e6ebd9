import { findEtcd, startEtcd } from "@etcdkit/testing";
import { afterEach, expect, test, vi } from "vitest";
import { runChild } from "../src/child-process.js";
import { Measured } from "../src/compare.js";
import type { Figures } from "../src/figures.js";
import { page } from "../src/page.js";
import { plot } from "../src/plot.js";
import { type Run, runAll } from "../src/run.js";
import { targetsTable } from "../src/tables.js";
import type { PeerName } from "../src/workload.js";
import { workloads } from "../src/workloads/all.js";

afterEach(() => vi.unstubAllEnvs());

const fromSources = ["--conditions=@etcdkit/source", "--import", "tsx"];

test("measures for a moment, and the page says what came of it", async () => {
  // its own: workloads write under names of theirs
  await using etcd = await startEtcd({ own: true });
  const env = { endpoints: etcd.endpoints, redis: undefined, seconds: 0.2 };
  const measure = (workload: string, peer: "etcdkit" | "bare") =>
    runChild({ workload, peer, ...env }, fromSources);
  const [own, bare, contended] = await Promise.all([
    measure("uncontended", "etcdkit"),
    measure("uncontended", "bare"),
    measure("contended-5", "etcdkit"),
  ]);
  for (const figures of [own, bare, contended]) {
    for (const figure of ["opsPerS", "p50Ms", "p99Ms", "cpuUs", "calls"] as const) {
      expect(figures[figure], figure).toBeGreaterThan(0);
    }
  }
  // a hold that lasts for more than a moment, on a busy machine, opens a watch besides
  expect(own.calls).toBeGreaterThan(1.9);
  expect(own.calls).toBeLessThan(3);

  const run = { server: "single", round: 1 } as const;
  const runs: Run[] = [
    { ...run, workload: "uncontended", peer: "etcdkit", figures: own },
    { ...run, workload: "uncontended", peer: "bare", figures: bare },
    { ...run, workload: "contended-5", peer: "etcdkit", figures: contended },
    { ...run, workload: "contended-5", peer: "go", figures: { ...contended, opsPerS: 1 } },
  ];
  const report = {
    ...{ date: "2020-02-02", rounds: 1, seconds: 0.2, machine: {}, etcd: etcd.version },
    ...{ fsyncMs: { single: 1 }, runs, leftOut: ["redlock: not here"] },
  };
  const text = page(report, "plot.svg");
  expect(text).toContain("calls: at most 2");
  expect(text).toContain("a second: at least 10 × that of Go");
  expect(text).toContain("- redlock: not here");
  expect(plot(new Measured(runs), workloads)).toMatch(/^<svg[\s\S]*5 contenders[\s\S]*<\/svg>\n$/);
});

test("a target is met or missed by the median, and the page says where some rounds miss it", () => {
  const rounds = (workload: string, peer: PeerName, all: Figures[]): Run[] =>
    all.map((figures, n) => ({ server: "single", workload, peer, round: n + 1, figures }));
  const perS = (...all: number[]) => all.map((opsPerS): Figures => ({ opsPerS }));
  const measured = new Measured([
    ...rounds("uncontended", "etcdkit", perS(86, 91, 94)),
    ...rounds("uncontended", "bare", perS(100, 100, 100)),
    ...rounds("contended-16", "etcdkit", perS(410, 420, 430)),
    ...rounds("contended-16", "go", perS(100, 100, 100)),
    ...rounds("contended-64", "etcdkit", perS(98, 99, 110)),
    ...rounds("contended-64", "go", perS(100, 100, 100)),
  ]);
  const table = targetsTable(measured, "single", workloads)?.split("\n").slice(2);
  const ends = table?.map((row) => row.split("|").at(-2)?.trim());
  expect(ends).toEqual(["met", "**missed** by 1.01 %", "met, not in every round"]);
});

test("the page says which workloads had fewer rounds", () => {
  const runs = ["growth-100", "growth-10000", "puts-1"].map(
    (workload): Run => ({ server: "single", workload, peer: "etcdkit", round: 1, figures: {} }),
  );
  const report = {
    ...{ date: "2020-02-02", rounds: 3, seconds: 2, machine: {}, etcd: "3" },
    ...{ fsyncMs: {}, runs, leftOut: [] },
  };
  const text = page(report, undefined);
  expect(text).toContain("; 3 rounds of 2 s, but 2 of growth-100, 1 of growth-10000;");
  expect(page({ ...report, rounds: 1 }, undefined)).not.toContain(", but");
});

test("Go's calls at a barrier are all of its unary calls, by waiter", () => {
  const rpcs = { Txn: 20, Range: 10, "watch stream": 3, "watch msg": 50 };
  const calls = (name: string, n: number) =>
    workloads.find((one) => one.name === name)?.go?.read({ n, rpcs }).calls;
  expect(calls("double-barrier-10", 3)).toBe(1);
  expect(calls("barrier-1000", 3)).toBe(0.01);
});

test("every workload has a name of its own, and etcdkit or the limit in it", () => {
  const names = workloads.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, run } of workloads) expect(run.etcdkit ?? run.bare, name).toBeDefined();
});

test("without Go and Redis the rest is measured, and what was left out is said", async () => {
  vi.stubEnv("ETCD_BIN", (await findEtcd()).etcd);
  vi.stubEnv("ETCDKIT_GOPEER", undefined);
  vi.stubEnv("PATH", "");
  const outcome = await runAll(
    {
      workloads: workloads.filter(({ name }) => name === "uncontended"),
      peers: ["etcdkit", "go", "etcd3", "bare", "redlock"],
      servers: ["single"],
      rounds: 1,
      seconds: 0.1,
      node: fromSources,
    },
    () => undefined,
  );
  expect(outcome.runs.map(({ peer }) => peer)).toEqual(["etcdkit", "etcd3", "bare"]);
  expect(outcome.leftOut).toEqual([
    "Go: neither ETCDKIT_GOPEER nor a gopeer on PATH",
    "redlock: no redis-server on PATH",
  ]);
});
