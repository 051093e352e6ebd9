import { type EtcdServer, eventually, startEtcd } from "@etcdkit/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program } from "./program.js";
import { nothing, remainsIn } from "./remains.js";

const TTL_MS = 5_000;

let server: EtcdServer;
beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server?.stop());

function start(script: string, ...args: string[]): Program {
  return new Program("examples/machine-liveness", script, server.endpoints, args);
}

test("the monitor tells who leaves and who dies, and fails when it is one it was given", async () => {
  const monitor = start("monitor", "web-1");
  const agents = ["web-1", "web-2", "web-3", "web-4"].map((id) => start("start", id));
  const [one, two, three, four] = agents as [Program, Program, Program, Program];
  for (const id of [1, 2, 3, 4]) {
    await monitor.printed(new RegExp(`web-${id} is alive \\(host \\S+, pid \\d+, Node v`));
  }

  two.interrupt("SIGTERM");
  await monitor.printed(/web-2 left$/m, 2_000);
  expect(await two.exit(), two.stderr).toBe(0);

  // not one it was given: told, and no more
  three.kill();
  await monitor.printed(/web-3 died$/m, TTL_MS + 2_000);
  expect(monitor.running).toBe(true);

  const killed = performance.now();
  one.kill();
  expect(await monitor.exit(), monitor.stderr).toBe(1);
  expect(performance.now() - killed).toBeLessThan(TTL_MS + 2_000);
  expect(monitor.stdout).toMatch(/web-1 died\n$/);
  expect(monitor.stdout).not.toMatch(/web-[24] (died|is suspected)/);
  expect(monitor.stderr).toBe("");

  four.interrupt("SIGINT");
  expect(await four.exit(), four.stderr).toBe(0);
  expect(four.stdout).toBe("web-4 is seen to be alive\nweb-4 says goodbye\n");
  // the goodbyes stay until their leases have run out
  await eventually(
    async () => {
      expect(await remainsIn(server)).toEqual(nothing);
      return true;
    },
    { withinMs: TTL_MS + 3_000, what: "the end of the leases" },
  );
});

test("an agent that is started again takes its own place; the former one is told", async () => {
  const monitor = start("monitor", "db");
  const former = start("start", "db");
  await former.printed(/db is seen to be alive/);
  const latter = start("start", "db");
  await latter.printed(/db is seen to be alive/);
  expect(await former.exit()).toBe(1);
  expect(former.stderr).toMatch(/^member db .*taken over/);
  latter.interrupt("SIGTERM");
  expect(await latter.exit(), latter.stderr).toBe(0);
  await monitor.printed(/db left$/m);
  monitor.interrupt("SIGINT");
  expect(await monitor.exit(), monitor.stderr).toBe(0);
  expect(monitor.stdout).not.toContain("died");
});
