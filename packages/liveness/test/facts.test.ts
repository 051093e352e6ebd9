import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { machineFacts } from "../src/facts.js";

// The addresses that a member says of its machine, on machines that have all kinds of them.

vi.mock("node:os", async (original) => ({
  ...(await original<typeof import("node:os")>()),
  networkInterfaces: vi.fn(),
}));

type Interfaces = ReturnType<typeof networkInterfaces>;

function ofInterfaces(addresses: Record<string, string[]>): void {
  const all = Object.entries(addresses).map(([name, ofIt]) => [
    name,
    ofIt.map((address) => ({ address, internal: name === "lo" })),
  ]);
  vi.mocked(networkInterfaces).mockReturnValue(Object.fromEntries(all) as Interfaces);
}

beforeEach(() => void vi.mocked(networkInterfaces).mockReset());

test("are those of all interfaces but loopback and link-local ones", () => {
  ofInterfaces({
    lo: ["127.0.0.1", "::1"],
    eth0: ["10.0.0.7", "fe80::1", "2001:db8::7"],
    eth1: ["192.168.1.7"],
  });
  expect(machineFacts().addresses).toEqual(["10.0.0.7", "2001:db8::7", "192.168.1.7"]);
});

test("are the first 16, on a host with hundreds", () => {
  const containers = Array.from({ length: 300 }, (_, n) => `172.17.${n >> 8}.${n & 255}`);
  ofInterfaces({ lo: ["127.0.0.1"], docker0: ["fe80::2", ...containers] });
  expect(machineFacts().addresses).toEqual(containers.slice(0, 16));
});

test("are none where the question is forbidden", () => {
  vi.mocked(networkInterfaces).mockImplementation(() => {
    throw new Error("forbidden");
  });
  expect(machineFacts()).toMatchObject({ pid: process.pid, addresses: [] });
});

test("have no version of the package where it is part of another one's bundle", async () => {
  const folder = mkdtempSync(join(tmpdir(), "etcdkit-bundle-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app", version: "9.9.9" }));
  cpSync(new URL("../src/facts.ts", import.meta.url), join(folder, "dist", "facts.ts"));
  const bundled: { machineFacts: typeof machineFacts } = await import(
    join(folder, "dist", "facts.ts")
  );
  expect(machineFacts()).toHaveProperty("packageVersion");
  expect(bundled.machineFacts()).not.toHaveProperty("packageVersion");
});
