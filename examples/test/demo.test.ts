import { startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { DEMO_TTL_MS, startDemo } from "./demo-process.js";
import { exists } from "./program.js";
import { nothing, remainsIn } from "./remains.js";

test("the whole story, on an etcd of the user's own", { timeout: 120_000 }, async () => {
  await using server = await startEtcd({ own: true });
  const { program, instances } = await startDemo(server.endpoints);
  expect(await program.exit(), program.stderr).toBe(0);
  expect(program.stderr).toBe("");
  const lines = program.stdout.split("\n");
  const tokens = (pattern: RegExp) => lines.flatMap((line) => line.match(pattern)?.[1] ?? []);

  // nothing but text in a pipe
  expect(program.stdout.match(/[^\n\x20-\x7e]/)).toBeNull();
  expect(lines[1]).toBe(`etcd ${server.version} at ${server.endpoints} (given by ETCD_ENDPOINTS)`);

  // the first leader, its heir, and whoever follows in the restart of all
  const leaders = tokens(/ leads, token (\d+)$/).map(Number);
  expect(leaders.length).toBeGreaterThan(2);
  expect(leaders).toEqual([...new Set(leaders)].sort((a, b) => a - b));
  expect(tokens(/ holds the lock, token (\d+)/).length).toBeGreaterThan(12);

  const victim = program.stdout.match(/^(\w+), the leader, was killed with SIGKILL/m)?.[1] ?? "";
  const died = lines.findIndex((line) => line.endsWith(`${victim} died`));
  expect(lines.filter((line) => line.endsWith(" died"))).toHaveLength(1);
  expect(lines.slice(0, died).join("\n")).toContain(`${victim} is suspected`);
  const [, heir, seconds] = program.stdout.match(/^(\w+) leads (\d+\.\d) s after/m) ?? [];
  expect(heir).not.toBe(victim);
  // renewed every third of the TTL, so about two thirds were left at least; etcd looks twice a second
  expect(Number(seconds) * 1_000).toBeGreaterThan(DEMO_TTL_MS / 3);
  expect(Number(seconds) * 1_000).toBeLessThan(DEMO_TTL_MS + 2_000);

  const restart = program.stdout.slice(program.stdout.indexOf("Now a rolling restart"));
  expect(restart.match(/\w+ left$/gm)).toEqual(["ada left", "ben left", "cleo left"]);
  expect(restart.match(/\w+ joined, pid \d+$/gm)).toHaveLength(3);

  const summary = program.stdout.slice(program.stdout.indexOf("Summary"));
  expect(summary).toMatch(new RegExp(`^  leaders +${victim}, then ${heir}, then `, "m"));
  expect(summary).toMatch(
    /^ {2}terms +\d+, at most one at a time by their own reports; \d+ jobs$/m,
  );
  expect(summary.match(/overlaps 0; tokens \d+ to \d+, strictly increasing/g)).toHaveLength(2);
  expect(summary).toMatch(
    new RegExp(`^  killed +${victim}: suspected \\d\\.\\d s, died \\d\\.\\d s after the kill`, "m"),
  );
  expect(summary).toContain(`${heir} led ${seconds} s after it`);
  // the victim had the lock too, on a session of its own
  const lockSeconds = summary.match(/the lock was had after (\d+\.\d) s$/m)?.[1];
  expect(Number(lockSeconds) * 1_000).toBeGreaterThan(DEMO_TTL_MS / 3);
  expect(Number(lockSeconds) * 1_000).toBeLessThan(DEMO_TTL_MS + 2_000);
  const gapMs = summary.match(/the longest time without a leader was (\d+) ms/)?.[1];
  // 30 ms as a rule, the rest is for a busy machine; a second lost to a missed word, or a lease that ran out, would show
  expect(Number(gapMs)).toBeLessThan(1_000);
  const turns = summary.match(/^ {2}lock +(\d+) turns \(.*\), and one cut short$/m)?.[1];
  expect(Number(turns)).toBeGreaterThan(12);
  expect(summary).toContain(`${turns} in etcd, made by ${turns} turns`);
  expect(summary).toMatch(/left behind +nothing/);

  await program.allGone();
  expect(instances.filter(exists)).toEqual([]);
  expect(await remainsIn(server)).toEqual(nothing);
});
