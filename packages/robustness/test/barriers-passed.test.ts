import { expect, test } from "vitest";
import type { Outcome } from "../src/model/record.js";
import { checkBarriers } from "../src/validate/barriers.js";
import { checkDoubleBarriers } from "../src/validate/double-barriers.js";
import { checkRecovery } from "../src/validate/recovered.js";
import { checkErrors } from "../src/validate/unexpected.js";
import { belief, fault, history, operation, runOf } from "./hand-made.js";

const hold = belief({
  process: "h",
  kind: "barrier",
  name: "b",
  key: "b",
  token: 0,
  from: 10,
  to: 90,
});
const waited = (at: number, until: number, outcome: Outcome = "done") =>
  operation("barrier wait", "b", { at, until, outcome });

test("who waits until the hold may be over is as it should be", () => {
  const operations = [waited(5, 20), waited(20, 95), waited(20, 50, "cancelled")];
  expect(checkBarriers(runOf({ beliefs: [hold], operations }))).toEqual([]);
});

test("who passes while the hold stands is found, unless an operator took it away", () => {
  for (const outcome of ["done", "refused"] as const) {
    const run = runOf({ beliefs: [hold], operations: [waited(20, 50, outcome)] });
    expect(checkBarriers(run)).toMatchObject([{ check: "barriers" }]);
    const faults = [fault({ begin: 40, deleted: { key: "b", token: 7 } })];
    expect(checkBarriers({ ...run, faults })).toEqual([]);
    const other = [fault({ begin: 40, deleted: { key: "c", token: 7 } })];
    expect(checkBarriers({ ...run, faults: other })).toHaveLength(1);
  }
});

const call = (what: "enter" | "leave", lease: string, at: number, outcome: Outcome = "done") =>
  operation(`double barrier ${what}`, "d", {
    process: lease,
    at,
    until: at + 5,
    outcome,
    detail: { lease, count: 2 },
  });
const waiter = (lease: string): [string, string, string] => [`d/waiters/${lease}`, "", lease];
const round = history(waiter("a"), waiter("b"), ["d/ready", ""], ["d/waiters/a"], ["d/waiters/b"]);

test("two who enter and leave together are as they should be", () => {
  const operations = [
    call("enter", "a", 10),
    call("enter", "b", 12),
    call("leave", "a", 20),
    call("leave", "b", 22),
  ];
  expect(checkDoubleBarriers(runOf({ operations, history: round }))).toEqual([]);
});

test("a key that a late request made once more, and that went again, says nothing", () => {
  const ghost = [["d/waiters/c", "", "c"], waiter("a"), ["d/ready", ""], ["d/waiters/a"]] as const;
  const twice = history(
    ...round.map(({ type, key, lease }): [string, string, string] | [string] =>
      type === "put" ? [key, "", lease] : [key],
    ),
    ...ghost.map((one): [string, string, string] | [string] =>
      one.length === 1 ? [one[0]] : [one[0], "", one[2] ?? "0"],
    ),
  );
  const operations = [
    call("enter", "a", 10),
    call("enter", "b", 12),
    call("leave", "a", 20),
    call("leave", "b", 22),
    call("enter", "c", 40),
    call("leave", "c", 50),
  ];
  const told = checkDoubleBarriers(runOf({ operations, history: twice }));
  expect(told.filter(({ told }) => told.includes("out of"))).toEqual([]);
});

test("who enters before enough have come is found", () => {
  const early = history(waiter("a"), ["d/ready", ""], waiter("b"));
  const run = runOf({ operations: [call("enter", "a", 10)], history: early });
  expect(checkDoubleBarriers(run)).toMatchObject([{ check: "double barriers" }]);
});

test("who enters by a ready of an earlier round is found", () => {
  const stale = history(["d/ready", ""], waiter("a"), waiter("b"));
  const run = runOf({ operations: [call("enter", "a", 10)], history: stale });
  expect(checkDoubleBarriers(run)).toMatchObject([{ check: "double barriers" }]);
});

test("who is out before another one begins to leave is found, unless that one had lost its key", () => {
  const enters = [call("enter", "a", 10), call("enter", "b", 12)];
  const late = [call("leave", "a", 20), call("leave", "b", 30)];
  const run = runOf({ operations: [...enters, ...late], history: round });
  expect(checkDoubleBarriers(run)).toMatchObject([{ check: "double barriers" }]);
  const lost = [call("leave", "a", 20), call("leave", "b", 30, "lost")];
  expect(checkDoubleBarriers({ ...run, operations: [...enters, ...lost] })).toEqual([]);
});

test("a client that does nothing any more after a fault is found, and one that was only slow is not", () => {
  const probe = (process: string, at: number) =>
    operation("mutex lock", `x/probe/${process}`, { process, at, until: at + 1_000 });
  const faults = [fault({ kind: "kill a member", begin: 1e6, end: 2e6 })];
  const well = [probe("client-1.1", 0), probe("client-1.1", 5e6), probe("client-1.1", 80e6)];
  expect(checkRecovery(runOf({ faults, operations: well }))).toEqual([]);
  const silent = [...well, probe("client-2.1", 0)];
  expect(checkRecovery(runOf({ faults, operations: silent }))).toMatchObject([
    { check: "recovery" },
  ]);
});

test("an error that nobody promised is found", () => {
  const operations = [
    operation("mutex lock", "l", { outcome: "unexpected", result: { error: "TypeError: no" } }),
  ];
  expect(checkErrors(runOf({ operations }))).toMatchObject([{ check: "errors" }]);
});
