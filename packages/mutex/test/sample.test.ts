import { join } from "node:path";
import { samplesIn, startSample, typeProblems } from "@etcdkit/test-support/sample";
import { startEtcd } from "@etcdkit/testing";
import { expect, test } from "vitest";

// What a reader of the README sees first does what it says.

const root = join(import.meta.dirname, "../../..");
const [sample = ""] = samplesIn(join(root, "README.md"));

test("the README's sample is at most 15 lines", () => {
  const lines = sample.trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.length).toBeLessThanOrEqual(15);
});

/** What the pattern for services takes for granted. */
const given = `
import { type Connection, type Lock, Mutex, Session, SessionExpiredError } from "@etcdkit/mutex";
declare const etcd: Connection, stopping: AbortSignal;
declare function work(signal: AbortSignal): Promise<void>;
`;

test("the README's sample, and the pattern for services, have the right types", {
  timeout: 60_000,
}, () => {
  const pattern = samplesIn(join(root, "docs/session-loss.md")).find((text) =>
    text.includes("work("),
  );
  expect(pattern).toBeDefined();
  expect(typeProblems(import.meta.dirname, sample, given + pattern)).toEqual([]);
});

test("the README's sample runs", async () => {
  // its own: the names are the sample's
  await using server = await startEtcd({ own: true });
  const [endpoint = ""] = server.endpoints;
  expect(sample).toContain("127.0.0.1:2379");
  const program = startSample(import.meta.dirname, sample.replace("127.0.0.1:2379", endpoint));
  expect(await program.ended).toBe(0);
  expect(program.stdout()).toMatch(/^paid \d+n\n$/);
  expect(program.stderr()).toBe("");
  expect(await server.client().get("orders/42/state").string()).toBe("paid");
});
