import { expect, test } from "vitest";
import type { Screen } from "../screen.js";
import { summarize } from "../summary.js";
import { Turns } from "../turns.js";

function turns(...all: [worker: string, token: bigint, began: bigint, ended: bigint][]): Turns {
  const record = new Turns();
  for (const [worker, fencingToken, began, ended] of all) {
    record.began({ worker, fencingToken, began });
    record.ended(worker, ended);
  }
  return record;
}

const said: string[] = [];
const screen: Screen = {
  say: (text) => void said.push(text),
  note: (text) => void said.push(text),
  show: () => undefined,
  end: () => undefined,
};

function wrongWith(record: Turns, counted = record.finished()): string[] {
  const workers = [
    { name: "ada", killed: false },
    { name: "ben", killed: false },
  ];
  return summarize({ workers, turns: record, counted, takeOverMs: 4_000, ttl: 5 }, screen);
}

test("turns one after the other are right, in whatever order they were reported", () => {
  const record = turns(["ada", 5n, 30n, 40n], ["ben", 2n, 10n, 20n], ["ada", 9n, 40n, 50n]);
  expect(record.overlaps).toBe(0);
  expect(record.tokensIncrease).toBe(true);
  expect(wrongWith(record)).toEqual([]);
});

test("two turns at once are found, also inside a long one that began much earlier", () => {
  const record = turns(["ada", 1n, 10n, 90n], ["ben", 2n, 20n, 30n], ["ben", 3n, 80n, 95n]);
  expect(record.overlaps).toBe(2);
  expect(wrongWith(record)).toEqual(["2 turns began before another had ended"]);
});

test("a turn that is cut short lasts until its process was gone", () => {
  const record = turns(["ben", 1n, 0n, 5n]);
  record.began({ worker: "ada", fencingToken: 2n, began: 10n });
  record.died("ada", 50n);
  record.began({ worker: "ben", fencingToken: 3n, began: 40n });
  record.ended("ben", 60n);
  expect(record.overlaps).toBe(1);
  expect(record.finished("ada")).toBe(0);
});

test("a token that does not grow is found", () => {
  const record = turns(["ada", 5n, 10n, 20n], ["ben", 5n, 30n, 40n]);
  expect(wrongWith(record)).toEqual(["the fencing tokens did not strictly increase"]);
});

test("a lost update and a starved worker are found", () => {
  expect(wrongWith(turns(["ada", 1n, 10n, 20n]), 0)).toEqual([
    "ben never had a turn",
    "1 turns counted up to 0 only",
  ]);
});
