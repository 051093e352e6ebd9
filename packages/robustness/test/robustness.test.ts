import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { OperationKind } from "../src/model/record.js";
import { putToProof } from "../src/put-to-proof.js";
import { report } from "../src/report/report.js";
import { counterResults } from "../src/validate/counters.js";

const kinds: OperationKind[] = [
  "session open",
  "mutex lock",
  "mutex tryLock",
  "mutex release",
  "register read",
  "register write",
  "counter write",
  "election campaign",
  "election proclaim",
  "election resign",
  "rwmutex read",
  "rwmutex write",
  "rwmutex downgrade",
  "rwmutex release",
  "barrier hold",
  "barrier release",
  "barrier wait",
  "double barrier enter",
  "double barrier leave",
  "liveness join",
  "liveness update",
  "liveness leave",
];
const faults = [
  "kill a member",
  "cut a wire",
  "freeze a client past its TTL",
  "kill a client",
  "delete a key",
  "compact",
];

test("a short run finds nothing wrong, and tries everything", { timeout: 240_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "robustness-test-"));
  const proof = await putToProof({
    seed: "1",
    seconds: 11,
    clients: 4,
    ttl: 3,
    folder,
    faults: ({ kind }) => faults.includes(kind),
    signal: new AbortController().signal,
  });
  expect(proof.violations, `${proof.folder}\n${report(proof)}`).toEqual([]);
  const done = new Set(
    proof.run.operations.filter(({ end }) => end?.outcome === "done").map(({ kind }) => kind),
  );
  expect([...done].sort()).toEqual([...kinds].sort());
  expect(new Set(proof.run.faults.map(({ kind }) => kind)).size).toBeGreaterThan(3);
  expect(proof.run.observations.map(({ of }) => of)).toEqual(
    expect.arrayContaining(["election", "group"]),
  );
  // processes were frozen past their TTL while they had read a counter: what was written with a look lost nothing
  const counters = counterResults(proof.run);
  expect(counters.map(({ fenced }) => fenced).sort()).toEqual([false, true]);
  for (const { counted } of counters) expect(counted).toBeGreaterThan(0);
  expect(counters.find(({ fenced }) => fenced)?.lost).toBe(0);
  expect(proof.run.faults.map(({ kind }) => kind)).toContain("freeze a client past its TTL");
  expect(report(proof)).toContain("violations: none");
  await rm(folder, { recursive: true });
});
