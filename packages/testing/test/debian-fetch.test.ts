import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { inspectBinaries } from "../src/binaries.js";
import { origin } from "../src/debian-origin.js";
import { unpackPackages } from "../src/debian-packages.js";

// The way that needs Debian or Ubuntu, and the network: where either is not there these tests are skipped, and say which.

const run = promisify(execFile);
const NOBODY = 65_534;
const PROGRAM = join(import.meta.dirname, "programs", "unpack.ts");

let folder: string;

beforeEach(async ({ skip }) => {
  const missing = await whatIsMissing();
  skip(missing !== undefined, missing);
  folder = await mkdtemp(join(tmpdir(), "debian-fetch-"));
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

afterEach(async () => {
  vi.restoreAllMocks();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function whatIsMissing(): Promise<string | undefined> {
  if (!existsSync("/usr/bin/apt-get")) return "no apt-get on this system";
  try {
    const { base, suite } = await origin(undefined, {
      osRelease: "/etc/os-release",
      apt: "/etc/apt",
    });
    const release = `${base.replace(/\/$/, "")}/dists/${suite}/Release`;
    const { ok, status } = await fetch(release, { signal: AbortSignal.timeout(10_000) });
    return ok ? undefined : `the mirror of this system says ${status} to ${release}`;
  } catch (error) {
    const { message, cause } = error as Error;
    return `the mirror of this system cannot be reached: ${cause ?? message}`;
  }
}

async function expectEtcd(): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual(["etcd", "etcdctl"]);
  const { version, etcdctl } = await inspectBinaries(join(folder, "etcd"));
  expect(version).toMatch(/^3\.\d+\.\d+/);
  expect((await run(etcdctl ?? "", ["version"])).stdout).toContain(`etcdctl version: ${version}`);
}

test("the distribution's packages are fetched and unpacked, and run", {
  timeout: 180_000,
}, async () => {
  await unpackPackages(undefined, folder);
  await expectEtcd();
});

test("so they are by a user who may do nothing", { timeout: 180_000 }, async ({ skip }) => {
  skip(process.getuid?.() !== 0, "this user is not root, so that it was tried already");
  const as = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const readable = await run("setpriv", [...as, "test", "-r", PROGRAM]).then(
    () => true,
    () => false,
  );
  skip(!readable, "no setpriv, or a user other than root cannot read where this repository is");
  await chown(folder, NOBODY, NOBODY);
  const node = [process.execPath, "--import", import.meta.resolve("tsx"), PROGRAM, folder];
  await run("setpriv", [...as, ...node], { env: { ...process.env, HOME: tmpdir() } });
  await expectEtcd();
});
