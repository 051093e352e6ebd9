import { eventually, startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { exists, Program } from "./program.js";
import { nothing, remainsIn } from "./remains.js";

const TTL_MS = 5_000;

/** The demo, once its first turns are taken, and the processes it told of. */
async function started(endpoints?: string[]) {
  const program = new Program(".", "demo", endpoints);
  const etcd = endpoints ? undefined : await program.printed(/started for this, pid (\d+)/);
  const who = await program.printed(/ada \(pid (\d+)\), ben \(pid (\d+)\), cleo \(pid (\d+)\)/);
  await program.printed(/holds, token/);
  return { program, etcd: Number(etcd?.[1]), workers: who.slice(1).map(Number) };
}

test("the whole story, on an etcd of the user's own", { timeout: 90_000 }, async () => {
  await using server = await startEtcd({ own: true });
  const { program, workers } = await started(server.endpoints);
  expect(await program.exit(), program.stderr).toBe(0);
  expect(program.stderr).toBe("");
  const lines = program.stdout.split("\n");

  // nothing but text in a pipe
  expect(program.stdout.match(/[^\n\x20-\x7e]/)).toBeNull();
  expect(lines[1]).toBe(`etcd ${server.version} at ${server.endpoints} (given by ETCD_ENDPOINTS)`);

  const holding = lines.flatMap((line) => line.match(/(\w+) +holds, token (\d+)/)?.[2] ?? []);
  expect(holding.length).toBeGreaterThan(12);
  expect(holding.every((token, i) => i === 0 || Number(token) > Number(holding[i - 1]))).toBe(true);
  expect(program.stdout).toMatch(/holds, token \d+, session \d\.\d s left; waiting: \w+, \w+\n/);

  const victim = program.stdout.match(/^(\w+), who holds the lock, was killed with SIGKILL/m)?.[1];
  const dead = lines.filter((line) => line.includes(` ${victim} `) && line.includes("holds, dead"));
  expect(dead.length).toBeGreaterThan(2);
  const [, heir, seconds] = program.stdout.match(/^(\w+) took over (\d+\.\d) s after/m) ?? [];
  expect(heir).not.toBe(victim);
  // renewed every third of the TTL, so about two thirds were left at least; etcd looks twice a second
  expect(Number(seconds) * 1_000).toBeGreaterThan(TTL_MS / 3);
  expect(Number(seconds) * 1_000).toBeLessThan(TTL_MS + 2_000);

  const summary = program.stdout.slice(program.stdout.indexOf("Summary"));
  const turns = Number(summary.match(/turns +(\d+) in all, and one cut short/)?.[1]);
  expect(turns).toBeGreaterThan(12);
  expect(summary).toMatch(new RegExp(`^  ${victim} +\\d+ turns, and one cut short$`, "m"));
  expect(summary).toMatch(/^ {2}overlaps +0$/m);
  expect(summary).toMatch(/^ {2}tokens +\d+ to \d+, strictly increasing$/m);
  expect(summary).toContain(`${turns} in etcd, made by ${turns} turns`);
  expect(summary).toContain(`${seconds} s after the kill, with a TTL of 5 s`);

  await program.allGone();
  expect(workers.filter(exists)).toEqual([]);
  expect(await remainsIn(server)).toEqual(nothing);
});

test("Ctrl-C ends it, its workers and the etcd that it started", async () => {
  const { program, etcd, workers } = await started();
  expect([etcd, ...workers].every(exists)).toBe(true);
  program.interrupt("SIGINT");
  expect(await program.exit()).toBe(130);
  expect(program.stderr).toBe("demo: interrupted by SIGINT\n");
  await program.allGone();
  expect([etcd, ...workers].filter(exists)).toEqual([]);
});

test("a demo that is killed leaves nothing in the user's etcd, and no worker", async () => {
  await using server = await startEtcd({ own: true });
  const { program } = await started(server.endpoints);
  program.kill();
  expect(await program.exit()).toBe("SIGKILL");
  await program.allGone();
  await eventually(
    async () => {
      expect(await remainsIn(server)).toEqual(nothing);
      return true;
    },
    { withinMs: TTL_MS + 3_000, what: "the end of the leases" },
  );
});

test("a worker that dies unasked makes it fail, and say so", async () => {
  await using server = await startEtcd({ own: true });
  const { program, workers } = await started(server.endpoints);
  process.kill(workers[1] ?? 0, "SIGKILL");
  expect(await program.exit()).toBe(1);
  expect(program.stderr).toBe("demo: worker ben ended by itself (SIGKILL)\n");
  await program.allGone();
  expect((await remainsIn(server)).keys).toEqual([]);
});

test("an etcd that dies makes it fail in bounded time", async () => {
  await using server = await startEtcd({ own: true });
  const { program } = await started(server.endpoints);
  await server.kill();
  expect(await program.exit()).toBe(1);
  // a reason of each, and no stack
  expect(program.stderr).toMatch(/^(ada|ben|cleo|demo): /);
  expect(program.stderr).not.toMatch(/^ +at /m);
  await program.allGone();
});
