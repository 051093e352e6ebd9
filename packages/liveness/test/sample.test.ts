import { hostname } from "node:os";
import { join } from "node:path";
import { samplesIn, startSample, typeProblems } from "@etcdkit/test-support/sample";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const [sample = ""] = samplesIn(join(import.meta.dirname, "../README.md"));

test("the README's sample has the right types", { timeout: 60_000 }, () => {
  expect(typeProblems(import.meta.dirname, sample)).toEqual([]);
});

test("the README's sample runs", async () => {
  const [endpoint = ""] = sharedEtcd().endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const name = `${testPrefix()}machines`;
  const here = sample.replace("127.0.0.1:2379", endpoint).replace('"machines"', `"${name}"`);
  const program = startSample(import.meta.dirname, here);
  const line = `joined ${hostname()} ${program.process.pid}\n`;
  const told = () => program.stdout() === line || !program.running();
  await eventually(told, { withinMs: 20_000, what: `"${line}"` });
  expect([program.stdout(), program.stderr()]).toEqual([line, ""]);
});
