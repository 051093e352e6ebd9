import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { startCluster, startEtcd } from "../src/index.js";
import { freePort, freePorts } from "../src/ports.js";

// Which ports a member gets is chance, and what another process does with them meanwhile: here it is chosen.

vi.mock(import("../src/ports.js"), async (original) => {
  const ports = await original();
  return { ...ports, freePort: vi.fn(ports.freePort), freePorts: vi.fn(ports.freePorts) };
});
afterEach(() => {
  vi.mocked(freePort).mockReset();
  vi.mocked(freePorts).mockReset();
  vi.unstubAllEnvs();
});

/** A port that somebody else has, who takes connections and never says a word. */
async function takenPort(): Promise<number> {
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void thief.close());
  return (thief.address() as AddressInfo).port;
}

test("where a port was taken meanwhile, the start is tried again with others", async () => {
  const taken = await takenPort();
  const [peer = 0] = await freePorts(1);
  vi.mocked(freePorts).mockClear().mockResolvedValueOnce([taken, peer]);
  await using server = await startEtcd({ own: true });
  expect(server.endpoints).not.toEqual([`127.0.0.1:${taken}`]);
  expect(freePorts).toHaveBeenCalledTimes(2);
});

test("in a cluster too, without a wait for the members that the one with the taken port keeps from being ready", async () => {
  const taken = await takenPort();
  const [client = 0, peer = 0, other = 0] = await freePorts(3);
  vi.mocked(freePorts)
    .mockClear()
    .mockResolvedValueOnce([client, peer])
    .mockResolvedValueOnce([taken, other]);
  const started = performance.now();
  await using cluster = await startCluster({ size: 2 });
  // the bound of being ready is 20 s
  expect(performance.now() - started).toBeLessThan(15_000);
  expect(cluster.endpoints).not.toContain(`127.0.0.1:${taken}`);
  expect(freePorts).toHaveBeenCalledTimes(4);
});

test("a launch that fails before there are members leaves no folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "launch-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  vi.stubEnv("TMPDIR", folder);
  const network = (name: string) => {
    if (name === "etcd-2") throw new Error("no such network");
    return { clientHost: "127.0.0.1", peerHost: "127.0.0.1", command: [] };
  };
  await expect(startCluster({ size: 2, network })).rejects.toThrow("no such network");
  vi.mocked(freePort).mockRejectedValueOnce(new Error("no port is left"));
  await expect(startCluster({ size: 2, proxied: true })).rejects.toThrow("no port is left");
  expect(await readdir(folder)).toEqual([]);
});

test("a server that takes connections and never answers is given up within its bound", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fake-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const fake = join(folder, "etcd");
  const lines = [
    "#!/bin/sh",
    '[ "$1" = --version ] && echo "etcd Version: 3.5.0" && exit',
    `exec "${process.execPath}" "${join(folder, "silent.cjs")}" "$@"`,
  ];
  await writeFile(fake, lines.join("\n"), { mode: 0o755 });
  await writeFile(
    join(folder, "silent.cjs"),
    `const [, port] = /--listen-client-urls=\\S+:(\\d+)/.exec(process.argv.join(" "));
    require("node:net").createServer().listen(Number(port), "127.0.0.1");`,
  );
  vi.stubEnv("ETCD_BIN", fake);
  vi.stubEnv("ETCD_VERSION", "");
  const started = performance.now();
  const start = startEtcd({ own: true, readyTimeoutMs: 2_000 });
  await expect(start).rejects.toThrow(/not ready in 2000 ms, \/health: .*aborted/);
  // one question's own bound is a second, the rest is for a busy machine
  expect(performance.now() - started).toBeLessThan(7_000);
});
