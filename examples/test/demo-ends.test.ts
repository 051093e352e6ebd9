import { eventually, startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { DEMO_TTL_MS, startDemo } from "./demo-process.js";
import { exists, Program } from "./program.js";
import { nothing, remainsIn } from "./remains.js";

test("Ctrl-C ends it, its instances and the etcd that it started", async () => {
  const { program, etcd, instances } = await startDemo();
  expect([etcd, ...instances].every(exists)).toBe(true);
  program.interrupt("SIGINT");
  expect(await program.exit()).toBe(130);
  expect(program.stderr).toBe("demo: interrupted by SIGINT\n");
  await program.allGone();
  expect([etcd, ...instances].filter(exists)).toEqual([]);
});

test("Ctrl-C leaves nothing in an etcd of the user's own", async () => {
  await using server = await startEtcd({ own: true });
  const { program } = await startDemo(server.endpoints);
  program.interrupt("SIGINT");
  expect(await program.exit()).toBe(130);
  expect(await remainsIn(server)).toEqual(nothing);
});

test("a demo that is killed leaves nothing in the user's etcd, and no instance", async () => {
  await using server = await startEtcd({ own: true });
  const { program } = await startDemo(server.endpoints);
  program.kill();
  expect(await program.exit()).toBe("SIGKILL");
  await program.allGone();
  await eventually(
    async () => {
      expect(await remainsIn(server)).toEqual(nothing);
      return true;
    },
    { withinMs: DEMO_TTL_MS + 3_000, what: "the end of the leases" },
  );
});

test("an instance that dies unasked makes it fail, and say so", async () => {
  await using server = await startEtcd({ own: true });
  const { program, instances } = await startDemo(server.endpoints);
  process.kill(instances[1] ?? 0, "SIGKILL");
  expect(await program.exit()).toBe(1);
  expect(program.stderr).toBe("demo: instance ben ended by itself (SIGKILL)\n");
  await program.allGone();
  expect((await remainsIn(server)).keys).toEqual([]);
});

test("an etcd that dies makes it fail in bounded time", async () => {
  await using server = await startEtcd({ own: true });
  const { program } = await startDemo(server.endpoints);
  await server.kill();
  expect(await program.exit()).toBe(1);
  // a reason of each, and no stack
  expect(program.stderr).toMatch(/^(ada|ben|cleo|demo): /);
  expect(program.stderr).not.toMatch(/^ +at /m);
  await program.allGone();
});

test("an ETCD_ENDPOINTS that does not answer is told, and nothing is started", async () => {
  const program = new Program(".", "demo", ["127.0.0.1:1"]);
  expect(await program.exit()).toBe(1);
  expect(program.stdout).toBe("");
  expect(program.stderr).toMatch(/^demo: no etcd answers at ETCD_ENDPOINTS=127\.0\.0\.1:1 .*\n$/);
});
