import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program } from "./program.js";
import { nothing, remainsIn } from "./remains.js";

let server: EtcdServer;
beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server?.stop());

/** Runs an example to its end; gives the lines it printed. */
async function run(example: string): Promise<string[]> {
  const program = new Program(`examples/${example}`, "start", server.endpoints);
  expect(await program.exit(), program.stderr).toBe(0);
  expect(program.stderr).toBe("");
  await program.allGone();
  expect(await remainsIn(server)).toEqual(nothing);
  return program.stdout.trimEnd().split("\n");
}

test("lock", async () => {
  expect(await run("lock")).toEqual([
    expect.stringMatching(/^locked, fencing token \d+$/),
    "working, step 1 of 3",
    "working, step 2 of 3",
    "working, step 3 of 3",
    "released",
    "worked out under the lock: 42",
    "it was free",
  ]);
});

test("lock, twice at once: the second waits for the first", async () => {
  const programs = [1, 2].map(() => new Program("examples/lock", "start", server.endpoints));
  const order: number[] = [];
  await Promise.all(
    programs.map(async (program, i) => {
      await program.printed(/^locked/m);
      order.push(i);
    }),
  );
  const [first, second] = order.map((i) => programs[i]?.stdout);
  // the other one had done all its work by the time this one was let in
  expect(first).toContain("working, step 3 of 3");
  expect(second).not.toContain("working, step 3 of 3");
  for (const program of programs) expect(await program.exit(), program.stderr).toBe(0);
  expect(await remainsIn(server)).toEqual(nothing);
});

test("wait-in-line", async () => {
  const lines = await run("wait-in-line");
  expect(lines.map((line) => line.replace(/\d+/, "N"))).toEqual([
    "ada holds by token N, waiting: ben, cleo",
    "ben holds by token N, waiting: cleo",
    "cleo holds by token N, waiting: nobody",
    "in line at the end: N",
  ]);
  expect(lines.at(-1)).toBe("in line at the end: 0");
});

test("take-over", async () => {
  const TTL_MS = 2_000;
  const lines = (await run("take-over")).join("\n");
  const [, holder, first, left, killed, next, second, after] =
    lines.match(
      /^process (\d+) holds the lock by token (\d+)\nits session has (\S+) s left of a TTL of 2 s\nprocess (\d+) is killed\nprocess (\d+) holds the lock by token (\d+), (\S+) s later$/,
    ) ?? [];
  expect(killed, lines).toBe(holder);
  expect(next).not.toBe(holder);
  expect(Number(second)).toBeGreaterThan(Number(first));
  expect(Number(left) * 1_000).toBeGreaterThan(TTL_MS / 3);
  expect(Number(left) * 1_000).toBeLessThan(TTL_MS);
  // renewed every third of the TTL, so about two thirds were left at least; etcd looks twice a second
  expect(Number(after) * 1_000).toBeGreaterThan(TTL_MS / 3);
  expect(Number(after) * 1_000).toBeLessThan(TTL_MS + 2_000);
});

test("fencing", async () => {
  const [tokens, ...rest] = await run("fencing");
  const [slow = 0, quick = 0] = (tokens?.match(/\d+/g) ?? []).map(Number);
  expect(slow).toBeGreaterThan(0);
  expect(quick).toBeGreaterThan(slow);
  expect(rest).toEqual([
    "quick's write into etcd: written",
    "quick's write elsewhere: written",
    "slow's write into etcd: refused",
    "slow's write elsewhere: refused",
    'etcd has "by quick", the ledger "by quick"',
  ]);
});

test("session-loss", async () => {
  expect(await run("session-loss")).toEqual([
    expect.stringMatching(/^attempt 1 works, token \d+$/),
    "standing still for 3000 ms, with a TTL of 2 s",
    "attempt 1 holds the lock: false",
    expect.stringMatching(/^attempt 1 ended: SessionExpiredError: session \w+ is lost/),
    expect.stringMatching(/^attempt 2 works, token \d+$/),
    "attempt 2 holds the lock: true",
    "attempt 2 is done",
  ]);
});

test("restart", async () => {
  const [first, stranger, second] = await run("restart");
  expect(stranger).toBe("a stranger does not get the lock");
  const parts = [first, second].map((line) =>
    line?.match(/^process (\d+) holds the lock by token (\d+)$/)?.slice(1),
  );
  expect(parts[0]?.[0]).not.toBe(parts[1]?.[0]);
  expect(parts[0]?.[1]).toBe(parts[1]?.[1]);
});

test("etcd", async () => {
  const program = new Program("examples/etcd", "start");
  const [, endpoint] = await program.printed(/^export ETCD_ENDPOINTS=(\S+)$/m);
  const health = await fetch(`http://${endpoint}/health`);
  expect(await health.json()).toMatchObject({ health: "true" });
  program.interrupt("SIGINT");
  expect(await program.exit(), program.stderr).toBe(0);
  await program.allGone();
  await expect(fetch(`http://${endpoint}/health`)).rejects.toThrow();
});

test("every example is in the index, with the command that its own README gives", () => {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  const index = readFileSync(`${folder}README.md`, "utf8");
  const examples = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !["test", "node_modules"].includes(entry.name))
    .map(({ name }) => name);
  for (const name of examples) {
    const command = `npx -y pnpm@10 ${name === "demo" ? "demo" : `-C examples/${name} start`}`;
    expect(index).toContain(`](${name})`);
    expect(index).toContain(`\`${command}\``);
    expect(readFileSync(`${folder}${name}/README.md`, "utf8")).toContain(command);
  }
});
