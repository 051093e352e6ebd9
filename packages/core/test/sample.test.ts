import { join } from "node:path";
import { samplesIn, startSample, typeProblems } from "@etcdkit/test-support/sample";
import { startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const HOSTS = '["etcd-1:2379", "etcd-2:2379", "etcd-3:2379"]';
const [sample = ""] = samplesIn(join(import.meta.dirname, "../README.md"));

test("the README's sample is short and has the right types", { timeout: 60_000 }, () => {
  expect(sample.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  expect(typeProblems(import.meta.dirname, sample)).toEqual([]);
});

test("the README's sample runs, and writes where it says", async () => {
  // its own: the names are the sample's
  await using server = await startEtcd({ own: true });
  expect(sample).toContain(HOSTS);
  const here = sample.replace(HOSTS, JSON.stringify(server.endpoints));
  const program = startSample(import.meta.dirname, here);
  expect(await program.ended).toBe(0);
  expect(program.stderr()).toBe("");
  expect(await server.client().get("shop/orders/42/state").string()).toBe("new");
});
