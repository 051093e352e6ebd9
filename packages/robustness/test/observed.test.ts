import { expect, test } from "vitest";
import { checkMembership } from "../src/validate/membership.js";
import { checkObservers } from "../src/validate/observers.js";
import { fault, history, operation, runOf, sights } from "./hand-made.js";

// a leads with two values, then b at once, then nobody, then c
const election = history(["e/a", "1"], ["e/b", "2"], ["e/a", "3"], ["e/a"], ["e/b"], ["e/c", "4"]);
const words = {
  a1: { leader: { key: "e/a", token: 2, value: "1" } },
  a3: { leader: { key: "e/a", token: 2, value: "3" } },
  b2: { leader: { key: "e/b", token: 3, value: "2" } },
  none: { leader: null },
  c4: { leader: { key: "e/c", token: 7, value: "4" } },
};
const observed = (told: (keyof typeof words)[], more: Parameters<typeof runOf>[0] = {}) => {
  const observations = sights(
    "election",
    "e",
    told.map((word) => ({ ...words[word], at: 100 })),
  );
  return checkObservers(runOf({ history: election, observations, ...more })).map(
    ({ told }) => told,
  );
};

test("an observer that tells the history, from whenever it began, is as it should be", () => {
  expect(observed(["none", "a1", "a3", "b2", "none", "c4"])).toEqual([]);
  expect(observed(["a3", "b2"])).toEqual([]);
});

test("a word left out, told twice, or out of order, is found", () => {
  expect(observed(["a1", "b2", "none"])).toEqual([expect.stringContaining("after 1 words")]);
  expect(observed(["a1", "a1", "a3"])).toEqual([expect.stringContaining("after 1 words")]);
  expect(observed(["b2", "a3"])).toEqual([expect.stringContaining("after 1 words")]);
  expect(observed(["a1", "c4"])).toHaveLength(1);
});

test("what was compacted before it was told may come as one change, and nothing else", () => {
  expect(observed(["a1", "c4"], { faults: [fault({ begin: 50, compacted: 6 })] })).toEqual([]);
  expect(observed(["a1", "c4"], { faults: [fault({ begin: 150, compacted: 6 })] })).toHaveLength(1);
  expect(observed(["b2", "c4"], { faults: [fault({ begin: 50, compacted: 3 })] })).toHaveLength(1);
});

test("after a compaction the same word may be the second of two", () => {
  const twice = history(["e/a", "1"], ["e/a", "2"], ["e/a", "2"], ["e/a", "3"]);
  const leader = (value: string) => ({ leader: { key: "e/a", token: 2, value }, at: 100 });
  const told = (values: string[]) => ({
    history: twice,
    observations: sights("election", "e", values.map(leader)),
    faults: [fault({ begin: 50, compacted: 3 })],
  });
  expect(checkObservers(runOf(told(["1", "2", "3"])))).toEqual([]);
  expect(checkObservers(runOf(told(["1", "2", "2", "3"])))).toEqual([]);
  expect(checkObservers(runOf(told(["1", "2", "1"])))).toHaveLength(1);
});

test("an observer that falls silent while its process lives on is found", () => {
  const written = operation("register write", "r", { at: 200, result: { revision: 8 } });
  const alive = operation("mutex lock", "l", { at: 200 + 30e6 });
  expect(observed(["a1", "a3"], { operations: [written, alive] })).toEqual([
    expect.stringContaining("fell silent"),
  ]);
  expect(observed(["a1", "a3"], { operations: [written] })).toEqual([]);
});

const entry = (incarnation: string) => JSON.stringify({ incarnation });
// a joins, b joins, a changes, a says goodbye, b dies
const group = history(
  ["g/members/a", entry("1")],
  ["g/members/b", entry("2")],
  ["g/members/a", entry("1")],
  ["g/members/a"],
  ["g/members/b"],
).concat([
  {
    type: "put",
    key: "g/members/a/left/1",
    revision: 5,
    createRevision: 5,
    value: "",
    lease: "0",
    at: 5_000,
  },
]);
type Event = ["joined" | "updated" | "left" | "died", string, number, number];
const watched = (told: Event[], more: Parameters<typeof runOf>[0] = {}) => {
  const events = told.map(([type, id, revision, modRevision]) => ({
    at: 100,
    event: { type, id, revision, modRevision },
  }));
  const observations = sights("group", "g", events);
  return checkMembership(runOf({ history: group, observations, ...more })).map(({ told }) => told);
};

test("a watch that tells who came, changed, left and died is as it should be", () => {
  const all: Event[] = [
    ["joined", "a", 2, 2],
    ["joined", "b", 3, 3],
    ["updated", "a", 4, 4],
    ["left", "a", 5, 4],
    ["died", "b", 6, 3],
  ];
  expect(watched(all)).toEqual([]);
  const fromThree: Event[] = [
    ["joined", "a", 3, 2],
    ["joined", "b", 3, 3],
  ];
  expect(watched([...fromThree, ...all.slice(2)])).toEqual([]);
});

test("who is told dead and is not, who is told twice, and who is forgotten, is found", () => {
  const begin: Event[] = [
    ["joined", "a", 2, 2],
    ["joined", "b", 3, 3],
  ];
  expect(watched([...begin, ["died", "b", 4, 3]])).toHaveLength(1);
  expect(watched([...begin, ["joined", "b", 3, 3]])).toHaveLength(1);
  expect(watched([...begin, ["updated", "a", 4, 4], ["died", "a", 5, 4]])).toHaveLength(1);
  expect(watched([...begin, ["left", "a", 5, 4]])).toHaveLength(1);
  expect(
    watched([
      ["joined", "a", 2, 2],
      ["updated", "a", 4, 4],
    ]),
  ).toHaveLength(1);
});

test("what was compacted before it was told comes as the difference", () => {
  const faults = [fault({ begin: 50, compacted: 6 })];
  expect(
    watched(
      [
        ["joined", "a", 2, 2],
        ["died", "a", 6, 2],
      ],
      { faults },
    ),
  ).toEqual([]);
  expect(
    watched(
      [
        ["joined", "a", 2, 2],
        ["joined", "b", 6, 3],
      ],
      { faults },
    ),
  ).toHaveLength(1);
});
