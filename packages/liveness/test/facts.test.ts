import { networkInterfaces } from "node:os";
import { beforeEach, expect, test, vi } from "vitest";
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
