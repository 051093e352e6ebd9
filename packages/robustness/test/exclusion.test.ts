import { expect, test } from "vitest";
import { checkExclusion } from "../src/validate/exclusion.js";
import { belief, fault, history, runOf } from "./hand-made.js";

const lock = history(["lock/a", "", "a"], ["lock/b", "", "b"], ["lock/c", "", "c"]);
const told = (run: Parameters<typeof runOf>[0]) =>
  checkExclusion(runOf({ history: lock, ...run })).map(({ check }) => check);

test("holders one after the other, with rising tokens, are as they should be", () => {
  const beliefs = [
    belief({ process: "a", from: 10, to: 20, token: 2 }),
    belief({ process: "b", from: 25, to: 30, token: 3 }),
    belief({ process: "c", from: 32, to: 40, token: 4 }),
  ];
  expect(told({ beliefs })).toEqual([]);
});

test("two who both believe that they hold are found, however short the time", () => {
  const a = belief({ process: "a", from: 10, to: 27, token: 2 });
  const b = belief({ process: "b", from: 25, to: 30, token: 3 });
  expect(told({ beliefs: [a, b] })).toEqual(["exclusion"]);
  expect(told({ beliefs: [b, a] })).toEqual(["exclusion"]);
});

test("one who looked a single time within another's hold is found", () => {
  const a = belief({ process: "a", from: 10, to: 40, token: 2 });
  const look = { before: 20, after: 22 };
  const b = belief({ process: "b", from: 0, to: 0, token: 3, first: look, last: look });
  expect(told({ beliefs: [a, b] })).toEqual(["exclusion"]);
});

test("a token that is not greater than that of an earlier holder is found", () => {
  const beliefs = [
    belief({ process: "b", from: 10, to: 20, token: 3 }),
    belief({ process: "a", from: 25, to: 30, token: 2 }),
  ];
  expect(told({ beliefs })).toEqual(["fencing tokens"]);
});

test("a token that etcd never gave is found", () => {
  expect(told({ beliefs: [belief({ process: "a", from: 10, to: 20, token: 7 })] })).toEqual([
    "fencing tokens",
  ]);
});

test("whose key an operator deleted, or whose lease, may believe a little longer, and no other", () => {
  const a = belief({ process: "a", from: 10, to: 27, token: 2 });
  const b = belief({ process: "b", from: 25, to: 30, token: 3 });
  const deletion = fault({ begin: 24, end: 25, deleted: { key: "lock/a", token: 2 } });
  expect(told({ beliefs: [a, b], faults: [deletion] })).toEqual([]);
  const before = { ...deletion, deleted: { key: "lock/a", token: 1 } };
  expect(told({ beliefs: [a, b], faults: [before] })).toEqual(["exclusion"]);
  expect(told({ beliefs: [a, b], faults: [fault({ begin: 24, revoked: "a" })] })).toEqual([]);
  expect(told({ beliefs: [a, b], faults: [fault({ begin: 26, revoked: "a" })] })).toEqual([
    "exclusion",
  ]);
  expect(told({ beliefs: [a, b], faults: [fault({ begin: 24, revoked: "c" })] })).toEqual([
    "exclusion",
  ]);
});

test("readers hold together, and a writer alone", () => {
  const readers = [
    belief({ process: "a", kind: "read", from: 10, to: 30, token: 2 }),
    belief({ process: "b", kind: "read", from: 15, to: 20, token: 3 }),
  ];
  expect(told({ beliefs: readers })).toEqual([]);
  const writer = belief({ process: "c", kind: "write", from: 25, to: 40, token: 4 });
  expect(told({ beliefs: [...readers, writer] })).toEqual(["exclusion"]);
});

test("a writer that goes on as a reader may keep its key and token, and nobody else's", () => {
  const writer = belief({ process: "a", kind: "write", from: 10, to: 20, token: 2 });
  const kept = belief({ process: "a", kind: "read", from: 25, to: 30, token: 2 });
  expect(told({ beliefs: [writer, kept] })).toEqual([]);
  const again = belief({ process: "a", kind: "write", from: 25, to: 30, token: 2 });
  expect(told({ beliefs: [writer, again] })).toEqual(["fencing tokens"]);
});

test("who believes that it holds when its key has gone is found, unless an operator took it", () => {
  const expired = history(["lock/a", "", "a"], ["lock/a"]);
  const late = belief({ process: "a", from: 2_500, to: 3_100, token: 2 });
  expect(told({ history: expired, beliefs: [late] })).toEqual(["loss is known"]);
  const early = belief({ process: "a", from: 2_500, to: 2_900, token: 2 });
  expect(told({ history: expired, beliefs: [early] })).toEqual([]);
  const faults = [fault({ begin: 2_800, revoked: "a" })];
  expect(told({ history: expired, beliefs: [late], faults })).toEqual([]);
});

test("whose lease etcd ended around the freezing of a member is excused, and no other", () => {
  const expired = history(["lock/a", "", "a"], ["lock/a"]);
  const late = belief({ process: "a", from: 2_500, to: 3_100, token: 2 });
  const frozen = fault({ kind: "freeze a member", begin: 2_600, end: 2_990 });
  expect(told({ history: expired, beliefs: [late], faults: [frozen] })).toEqual([]);
  const cut = { ...frozen, kind: "cut a wire" };
  expect(told({ history: expired, beliefs: [late], faults: [cut] })).toEqual(["loss is known"]);
  const long = { ...frozen, begin: -9e6, end: -8.9e6 };
  expect(told({ history: expired, beliefs: [late], faults: [long] })).toEqual(["loss is known"]);
  const after = { ...frozen, begin: 3_050, end: 3_090 };
  expect(told({ history: expired, beliefs: [late], faults: [after] })).toEqual(["loss is known"]);
});

test("two who both held while the keys of both stood are found, though a member was frozen then", () => {
  const both = history(["lock/a", "", "a"], ["lock/b", "", "b"], ["lock/a"]);
  const a = belief({ process: "a", from: 2_500, to: 3_500, token: 2 });
  const b = belief({ process: "b", from: 3_200, to: 3_600, token: 3 });
  const frozen = fault({ kind: "freeze a member", begin: 2_600, end: 3_990 });
  expect(told({ history: both, beliefs: [a, b], faults: [frozen] })).toEqual(["exclusion"]);
});
