import { expect, test } from "vitest";
import type { Screen } from "../screen.js";
import { Spans } from "../spans.js";
import { type Outcome, summarize } from "../summary.js";

const MS = 1_000_000n;

function spans(...all: [who: string, token: bigint, beganMs: bigint, endedMs: bigint][]): Spans {
  const record = new Spans();
  for (const [who, fencingToken, began, ended] of all) {
    record.began({ who, fencingToken, began: began * MS });
    record.ended(who, ended * MS);
  }
  return record;
}

const said: string[] = [];
const screen: Screen = {
  say: (text) => void said.push(text),
  note: (text) => void said.push(text),
  tell: (text) => void said.push(text),
  show: () => undefined,
  end: () => undefined,
};

const right: Outcome = {
  names: ["ada", "ben"],
  ttl: 5,
  terms: spans(["ada", 3n, 0n, 10n], ["ben", 4n, 4_500n, 6_000n], ["ada", 7n, 6_020n, 9_000n]),
  jobs: 12,
  turns: spans(["ada", 5n, 30n, 40n], ["ben", 2n, 10n, 20n], ["ada", 9n, 40n, 50n]),
  counted: 3,
  succession: {
    victim: "ada",
    suspectedMs: 3_000,
    diedMs: 4_400,
    heir: "ben",
    succeededMs: 4_500,
    lockMs: 4_600,
  },
  restart: 5_000n * MS,
  remaining: [],
};

function wrongWith(changed: Partial<Outcome>): string[] {
  said.length = 0;
  return summarize({ ...right, ...changed }, screen);
}

test("one after the other is right, in whatever order they were reported", () => {
  expect(wrongWith({})).toEqual([]);
  expect(said.join("\n")).toMatch(/leaders +ada, then ben, then ada\n/);
  expect(said.join("\n")).toMatch(/tokens 2 to 9, strictly increasing\n/);
});

test("the gap that the killed leader left is not one of the rolling restart", () => {
  expect(right.terms.longestGapMs(0n)).toBe(4_490);
  expect(right.terms.longestGapMs(right.restart)).toBe(20);
  expect(wrongWith({ restart: 0n })).toEqual(["nobody led for 4.5 s in the rolling restart"]);
});

test("a succession that takes too long is found", () => {
  expect(wrongWith({ succession: { ...right.succession, succeededMs: 10_100 } })).toEqual([
    "nobody led for 10.1 s after the kill, with a TTL of 5 s",
  ]);
});

test("two at once are found, also inside a long one that began much earlier", () => {
  const twice = spans(["ada", 1n, 10n, 90n], ["ben", 2n, 20n, 30n], ["ben", 3n, 80n, 95n]);
  expect(twice.overlaps).toBe(2);
  expect(wrongWith({ turns: twice })).toEqual(["2 turns began before another had ended"]);
  expect(wrongWith({ terms: twice })).toEqual(["2 terms began before another had ended"]);
});

test("one that is cut short lasts until its process was gone", () => {
  const turns = spans(["ben", 1n, 0n, 5n]);
  turns.began({ who: "ada", fencingToken: 2n, began: 10n * MS });
  turns.died("ada", 50n * MS);
  turns.began({ who: "ben", fencingToken: 3n, began: 40n * MS });
  turns.ended("ben", 60n * MS);
  expect(turns.overlaps).toBe(1);
  expect(turns.finished("ada")).toBe(0);
});

test("a token that does not grow is found", () => {
  const same = spans(["ada", 5n, 10n, 20n], ["ben", 5n, 30n, 40n]);
  expect(wrongWith({ terms: same })).toEqual([
    "the fencing tokens of the terms did not strictly increase",
  ]);
});

test("a lost update, a starved instance and what is left in etcd are found", () => {
  const turns = spans(["ada", 1n, 10n, 20n]);
  expect(wrongWith({ turns, counted: 0, remaining: ["member ada"] })).toEqual([
    "ben never had a turn",
    "1 turns counted up to 0 only",
    "still in etcd: member ada",
  ]);
});
