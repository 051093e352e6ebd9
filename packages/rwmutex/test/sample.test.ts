import { join } from "node:path";
import { samplesIn, startSample, typeProblems } from "@etcdkit/test-support/sample";
import { startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const [sample = ""] = samplesIn(join(import.meta.dirname, "../README.md"));

test("the README's sample is short and has the right types", { timeout: 60_000 }, () => {
  expect(sample.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  expect(typeProblems(import.meta.dirname, sample)).toEqual([]);
});

test("the README's sample runs", async () => {
  // its own: the names are the sample's
  await using server = await startEtcd({ own: true });
  const [endpoint = ""] = server.endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const program = startSample(import.meta.dirname, sample.replace("127.0.0.1:2379", endpoint));
  expect(await program.ended).toBe(0);
  expect([program.stdout(), program.stderr()]).toEqual(["7 true\n", ""]);
});
