import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { startEtcd } from "../src/index.js";
import { freePorts } from "../src/ports.js";

// Which ports a member gets is chance, and what another process does with them meanwhile: here it is chosen.

vi.mock(import("../src/ports.js"), async (original) => {
  const ports = await original();
  return { ...ports, freePorts: vi.fn(ports.freePorts) };
});
afterEach(() => {
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

test("a server that takes connections and never answers is given up within its bound", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fake-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const fake = join(folder, "etcd");
  const lines = [
    "#!/bin/sh",
    '[ "$1" = --version ] && echo "etcd Version: 3.5.0" && exit',
    "exec sleep 60",
  ];
  await writeFile(fake, lines.join("\n"), { mode: 0o755 });
  vi.stubEnv("ETCD_BIN", fake);
  vi.stubEnv("ETCD_VERSION", "");
  const taken = await takenPort();
  vi.mocked(freePorts).mockResolvedValueOnce([taken, 0]);
  const started = performance.now();
  const start = startEtcd({ own: true, readyTimeoutMs: 300 });
  await expect(start).rejects.toThrow(/not ready in 300 ms, \/health: .*aborted/);
  // one question's own bound is a second, the rest is for a busy machine
  expect(performance.now() - started).toBeLessThan(5_000);
});
