import { expect, test } from "vitest";
import { bundle } from "../src/simulator/bundle.js";
import { tryMutation } from "../src/simulator/mutation-report.js";
import { mutations } from "../src/simulator/mutations.js";

/** Those that some tens of seeds catch; `pnpm simulate --mutations` tries all of them. */
const QUICK = [
  "no safety margin",
  "a cancelled wait leaves its key",
  "a line compares that the own key exists, not its create revision",
  "whoever waits is told of its turn two seconds late",
  "a closed session leaves its lease to etcd",
  "a watch resumes one revision late",
  "a part of a batch is taken for the whole",
  "a list older than its watch counts",
  "what the list has seen is told again",
  "a reader passes a writer who waits",
  "a double barrier is ready where `ready` exists",
  "a member goes without waiting for the others",
];

const quick = mutations.filter(({ name }) => QUICK.includes(name));

test("those named here are there", () => {
  expect(quick).toHaveLength(QUICK.length);
});

test.each(quick)("broken on purpose: $name", { timeout: 60_000 }, async (mutation) => {
  const caught = await tryMutation(mutation, { first: 1, workers: 2, seeds: 1_500 });
  expect(caught?.violation).toBeDefined();
});

test("broken on purpose, which few seeds show: a late proclamation undoes a newer one", {
  timeout: 240_000,
}, async () => {
  const late = mutations.filter(({ name }) => name === "a late proclamation undoes a newer one");
  expect(late).toHaveLength(1);
  for (const mutation of late) {
    // not far before the first that does, while nothing changes
    const caught = await tryMutation(mutation, { first: 290, workers: 2, seeds: 4_000 });
    expect(caught?.violation ?? "nothing").toContain("was proclaimed last");
  }
});

test("a mutation whose text is not in the sources is no mutation", async () => {
  const edits = [{ file: "core/src/line.ts", find: "no such text", replace: "" }];
  await expect(bundle({ name: "none", edits })).rejects.toThrow("found 0 times");
});

test("every mutation is still one of the sources as they are", { timeout: 60_000 }, async () => {
  for (const mutation of mutations) await (await bundle(mutation))[Symbol.asyncDispose]();
});
