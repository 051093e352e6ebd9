import { join } from "node:path";
import { samplesIn, startSample, typeProblems } from "@etcdkit/test-support/sample";
import { startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const [sample = ""] = samplesIn(join(import.meta.dirname, "../README.md"));

test("the README's sample is short and has the right types", { timeout: 60_000 }, () => {
  expect(sample.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  expect(typeProblems(import.meta.dirname, sample)).toEqual([]);
});

test("the README's sample tells what becomes of its session, whose key goes with it", async () => {
  // its own: the names are the sample's, and its one lease is revoked
  await using server = await startEtcd({ own: true });
  const client = server.client();
  const [endpoint = ""] = server.endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const program = startSample(import.meta.dirname, sample.replace("127.0.0.1:2379", endpoint));
  const connected = () => /^connected \d+/.test(program.stdout()) || !program.running();
  await eventually(connected, { withinMs: 20_000, what: "its session" });
  expect(program.stderr()).toBe("");
  expect(await client.get("workers/7").string()).toBe("busy");
  const { leases } = await client.leaseClient.leaseLeases();
  for (const { ID } of leases) await client.leaseClient.leaseRevoke({ ID });
  expect(await program.ended).toBe(0);
  expect(program.stdout()).toMatch(/^connected \d+(\.\d+)?\nexpired 0\n$/);
  expect(program.stderr()).toContain("SessionExpiredError");
  expect(await client.get("workers/7").exists()).toBe(false);
});
