import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, onTestFailed, test, vi } from "vitest";
import { type EtcdServer, eventually, findEtcd, findEtcdctl, startEtcd } from "../src/index.js";
import { sharedEtcd } from "../src/vitest.js";

afterEach(() => vi.unstubAllEnvs());

/** Whether the process still exists. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const soon = () => ({ deadline: Date.now() + 300 });

test("a killed server comes back on the same port with its data, and its clients go on", async () => {
  await using server = await startEtcd({ own: true });
  const { endpoints, pid = 0, version } = server;
  const client = server.client();
  await client.put("a").value("1");
  await server.kill();
  expect(alive(pid)).toBe(false);
  expect(server.pid).toBeUndefined();
  await expect(client.get("a").string()).rejects.toThrow();
  await server.kill();
  await server.restart();
  expect(server.endpoints).toEqual(endpoints);
  expect(server.pid).not.toBe(pid);
  expect(version).toBe((await findEtcd()).version);
  expect(await client.get("a").string()).toBe("1");
});

test("restart of a running server ends it first", async () => {
  await using server = await startEtcd({ own: true });
  const { pid = 0 } = server;
  const client = server.client();
  await client.put("a").value("1");
  await server.restart();
  expect(alive(pid)).toBe(false);
  expect(await client.get("a").string()).toBe("1");
});

test("a paused server is silent, and goes on where it was", async () => {
  await using server = await startEtcd({ own: true });
  const client = server.client();
  await client.put("a").value("1");
  await server.pause();
  await expect(client.get("a").options(soon()).string()).rejects.toThrow(/deadline/i);
  server.resume();
  expect(await client.get("a").string()).toBe("1");
});

test("stop ends the process and its clients, removes its data, and keeps its log", async () => {
  const server = await startEtcd({ own: true });
  const { pid = 0 } = server;
  const client = server.client();
  const folder = server.dataDir ?? "";
  expect(existsSync(folder)).toBe(true);
  await Promise.all([server.stop(), server.stop()]);
  await server[Symbol.asyncDispose]();
  expect(alive(pid)).toBe(false);
  expect(existsSync(folder)).toBe(false);
  expect(server.log).toContain(server.endpoints[0]);
  await expect(client.get("a").string()).rejects.toThrow();
  expect(() => server.client()).toThrow("stopped for good");
  await expect(server.restart()).rejects.toThrow("stopped for good");
  await expect(server.pause()).rejects.toMatchObject({ code: "not-running" });
});

test("stop works on a paused server and on a killed one", async () => {
  const [paused, killed] = await Promise.all([startEtcd({ own: true }), startEtcd({ own: true })]);
  const { pid = 0 } = paused;
  await Promise.all([paused.pause(), killed.kill()]);
  await Promise.all([paused.stop(), killed.stop()]);
  expect(alive(pid)).toBe(false);
});

const moments: [string, (server: EtcdServer, old: number | undefined) => boolean][] = [
  ["has begun", () => true],
  ["has ended the old process", ({ pid }, old) => pid !== old],
  ["has a new process", ({ pid }, old) => pid !== undefined && pid !== old],
];
test.each(moments)("a stop when a restart %s leaves nothing running", async (_, reached) => {
  const server = await startEtcd({ own: true });
  const { pid: old, dataDir = "" } = server;
  const back = server.restart().catch((error: unknown) => error);
  await eventually(() => reached(server, old), { everyMs: 1 });
  await server.stop();
  const first = await Promise.race([back, "a restart that is still under way"]);
  expect(first).toMatchObject({ code: "not-running" });
  expect(server.pid).toBeUndefined();
  await expect(server.get("/health")).rejects.toThrow("ECONNREFUSED");
  expect(existsSync(dataDir)).toBe(false);
});

test("restarts that are asked for at once come one after the other", async () => {
  await using server = await startEtcd({ own: true });
  const { log } = server;
  await Promise.all([server.restart(), server.restart()]);
  expect(server.log.slice(log.length).match(/became leader/g)).toHaveLength(2);
  expect(await server.get("/health")).toContain("true");
});

test("a flag that is wrong: the error carries etcd's own words", async () => {
  const start = startEtcd({ args: ["--no-such-flag"] });
  await expect(start).rejects.toMatchObject({ code: "start-failed" });
  await expect(start).rejects.toThrow("flag provided but not defined: -no-such-flag");
});

test("a server that never gets ready is given up within its bound, and nothing is left", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fake-"));
  const fake = join(folder, "etcd");
  const lines = [
    "#!/bin/sh",
    '[ "$1" = --version ] && echo "etcd Version: 3.5.0" && exit',
    `echo $$ > ${join(folder, "pid")}`,
    "echo waiting for nothing",
    "exec sleep 60",
  ];
  await writeFile(fake, lines.join("\n"), { mode: 0o755 });
  vi.stubEnv("ETCD_BIN", fake);
  vi.stubEnv("ETCD_VERSION", "");
  const dataDir = join(folder, "data");
  const start = startEtcd({ dataDir, readyTimeoutMs: 300 });
  await expect(start).rejects.toThrow(/not ready in 300 ms, .*ECONNREFUSED.*\nwaiting for nothing/);
  const pid = Number(await readFile(join(folder, "pid"), "utf8"));
  expect(alive(pid)).toBe(false);
  await rm(folder, { recursive: true });
});

test("a restart onto a port that was taken meanwhile says so, even where an etcd has it", async () => {
  await using server = await startEtcd({ own: true });
  await server.kill();
  const port = Number(server.endpoints[0]?.split(":")[1]);
  const thief = createServer((_, response) => response.end('{"health":"true"}'));
  await new Promise<void>((resolve) => thief.listen(port, "127.0.0.1", resolve));
  const restart = server.restart();
  await expect(restart).rejects.toMatchObject({ code: "start-failed" });
  await expect(restart).rejects.toThrow(`127.0.0.1:${port}: address already in use`);
  await new Promise((resolve) => thief.close(resolve));
  await server.restart();
});

test("a data folder of one's own is kept, and can be started from again", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "kept-"));
  try {
    {
      await using server = await startEtcd({ dataDir });
      await server.client().put("a").value("1");
    }
    await using again = await startEtcd({ dataDir });
    expect(await again.client().get("a").string()).toBe("1");
  } finally {
    await rm(dataDir, { recursive: true });
  }
});

test("the member answers HTTP, such as its metrics", async () => {
  await using server = await startEtcd({ own: true });
  expect(await server.get("/metrics")).toContain("etcd_server_is_leader 1");
  await expect(server.get("/nothing")).rejects.toThrow("404");
});

test("etcdctl of the same etcd is found, and reaches the server", async () => {
  const { endpoints } = sharedEtcd();
  const args = [`--endpoints=${endpoints[0]}`, "endpoint", "health"];
  const { stdout, stderr } = await promisify(execFile)(await findEtcdctl(), args);
  expect(stdout + stderr).toContain("is healthy");
});

test("flags meant for this package do not reach etcd", async () => {
  vi.stubEnv("ETCD_NAME", "somebody-else");
  await using server = await startEtcd({ own: true });
  expect(server.log).not.toContain("somebody-else");
});

test("an etcd given by ETCD_ENDPOINTS is used, and not commanded", async () => {
  const [endpoint = ""] = sharedEtcd().endpoints;
  vi.stubEnv("ETCD_ENDPOINTS", `http://${endpoint}/, ${endpoint}`);
  const server = await startEtcd();
  expect(server.endpoints).toEqual([endpoint, endpoint]);
  expect(server.version).toBe(sharedEtcd().version);
  expect(server.pid).toBeUndefined();
  for (const verb of [() => server.kill(), () => server.pause(), () => server.restart()]) {
    await expect(verb()).rejects.toMatchObject({ code: "not-ours" });
  }
  expect(() => server.resume()).toThrow("startEtcd({ own: true })");
  await server.stop();
  await using own = await startEtcd({ own: true });
  expect(own.endpoints).not.toContain(endpoint);
});

test("an etcd given by ETCD_ENDPOINTS that is not the version asked for is refused", async () => {
  const { endpoints, version } = sharedEtcd();
  vi.stubEnv("ETCD_ENDPOINTS", endpoints.join());
  vi.stubEnv("ETCD_VERSION", "9.9.9");
  const start = startEtcd();
  await expect(start).rejects.toMatchObject({ code: "not-found" });
  await expect(start).rejects.toThrow(
    `ETCD_ENDPOINTS=${endpoints} is etcd ${version}, and ETCD_VERSION asks for 9.9.9`,
  );
  vi.stubEnv("ETCD_VERSION", version);
  await using server = await startEtcd();
  expect(server.endpoints).toEqual(endpoints);
});

test("nothing at ETCD_ENDPOINTS: the error names the place", async () => {
  vi.stubEnv("ETCD_ENDPOINTS", "127.0.0.1:1");
  await expect(startEtcd()).rejects.toThrow(/ETCD_ENDPOINTS=127\.0\.0\.1:1 .*ECONNREFUSED/);
});

test("etcd does not outlive the process that started it, however that ends", async () => {
  const program = join(import.meta.dirname, "programs", "start-and-wait.ts");
  const outlived = async (how: string) => {
    const child = execFile(process.execPath, ["--import", "tsx", program, how]);
    let said = "";
    child.stdout?.on("data", (text: string) => {
      said += text;
    });
    const { pid, folder } = await eventually(
      () => said.includes("\n") && (JSON.parse(said) as { pid: number; folder: string }),
      { withinMs: 20_000, what: "the child's report" },
    );
    onTestFailed(() => void (alive(pid) && process.kill(pid, "SIGKILL")));
    if (/^SIG\w+$/.test(how)) child.kill(how as NodeJS.Signals);
    await eventually(() => !alive(pid), { what: `the end of etcd after ${how}` });
    await eventually(() => !existsSync(folder), { what: `the end of its data after ${how}` });
  };
  await Promise.all(["SIGKILL", "SIGKILL at once", "SIGTERM", "uncaught", "exit"].map(outlived));
});
