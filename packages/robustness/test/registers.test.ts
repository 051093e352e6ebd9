import { expect, test } from "vitest";
import type { Outcome } from "../src/model/record.js";
import { checkCounters, counterResults } from "../src/validate/counters.js";
import { checkFencedRegisters } from "../src/validate/fenced-register.js";
import { history, operation, runOf } from "./hand-made.js";

const write = (
  value: string,
  token: number,
  outcome: Outcome | "cut off",
  at: number,
  revision = 0,
) =>
  operation("register write", "register", {
    at,
    outcome,
    detail: { key: `lock/${token}`, token, value, fenced: true },
    ...(revision && { result: { revision } }),
  });
const told = (operations: ReturnType<typeof write>[], ...changes: Parameters<typeof history>) =>
  checkFencedRegisters(runOf({ operations, history: history(...changes) })).map(({ told }) => told);

test("acknowledged writes of one holder after the other are as they should be", () => {
  const operations = [
    write("x", 2, "done", 1, 3),
    write("y", 5, "unknown", 2),
    write("z", 5, "cut off", 3),
  ];
  expect(
    told(
      operations,
      ["lock/2", ""],
      ["register", "x"],
      ["lock/2"],
      ["lock/5", ""],
      ["register", "z"],
    ),
  ).toEqual([]);
});

test("an acknowledged write that is not there is found", () => {
  expect(told([write("x", 2, "done", 1, 3)], ["lock/2", ""])).toEqual([
    expect.stringContaining("x was acknowledged at revision 3"),
  ]);
});

test("a write that nobody made, or that was never sent, is found", () => {
  expect(
    told([write("x", 2, "lost", 1)], ["lock/2", ""], ["register", "x"], ["register", "y"]),
  ).toEqual([expect.stringContaining("never sent"), expect.stringContaining("written by nobody")]);
});

test("a write by one who did not hold at that revision is found", () => {
  const early = told(
    [write("x", 3, "done", 1, 4)],
    ["lock/2", ""],
    ["lock/3", ""],
    ["register", "x"],
  );
  expect(early).toEqual([expect.stringContaining("token 3 did not hold")]);
  const late = told([write("x", 2, "done", 1, 4)], ["lock/2", ""], ["lock/2"], ["register", "x"]);
  expect(late).toEqual([expect.stringContaining("token 2 did not hold")]);
});

test("writes out of order are found: of two holders, and of one", () => {
  const two = told(
    [write("x", 2, "done", 1, 6), write("y", 4, "done", 2, 5)],
    ["lock/2", ""],
    ["lock/2"],
    ["lock/4", ""],
    ["register", "y"],
    ["register", "x"],
  );
  expect(two).toContainEqual(expect.stringContaining("x with token 2 was written after y"));
  const one = told(
    [write("x", 2, "done", 1, 4), write("y", 2, "done", 2, 3)],
    ["lock/2", ""],
    ["register", "y"],
    ["register", "x"],
  );
  expect(one).toEqual([expect.stringContaining("which its holder wrote later")]);
});

test("a write that its client had to try again may be there twice", () => {
  expect(
    told([write("x", 2, "done", 1, 4)], ["lock/2", ""], ["register", "x"], ["register", "x"]),
  ).toEqual([]);
});

test("a counter's lost updates are counted, and are a violation where it is fenced", () => {
  const count = (name: string, fenced: boolean) =>
    operation("counter write", name, { detail: { value: "1 a", fenced } });
  const run = runOf({
    operations: [count("plain", false), count("fenced", true)],
    history: history(
      ["plain", "1 a"],
      ["plain", "2 b"],
      ["plain", "2 c"],
      ["fenced", "1 a"],
      ["fenced", "1 a"],
      ["fenced", "2 b"],
    ),
  });
  expect(counterResults(run).map(({ counted, value, lost }) => [counted, value, lost])).toEqual([
    [3, 2, 1],
    [2, 2, 0],
  ]);
  expect(checkCounters(run)).toEqual([]);
  const lossy = history(["fenced", "1 a"], ["fenced", "1 b"]);
  expect(checkCounters({ ...run, history: lossy })).toMatchObject([{ check: "fenced counter" }]);
});
