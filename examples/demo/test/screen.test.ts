import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Output, openScreen } from "../screen.js";
import type { Row } from "../view.js";

beforeEach(() => void vi.stubEnv("TERM", "xterm"));
afterEach(() => vi.unstubAllEnvs());

const ESC = "\x1b";

function terminal(is: Partial<Output> = {}) {
  const stream = Object.assign(new PassThrough({ encoding: "utf8" }), {
    isTTY: true,
    columns: 80,
    rows: 24,
    hasColors: () => true,
    ...is,
  });
  return { out: stream, written: () => `${stream.read() ?? ""}` };
}

const ada: Row = {
  name: "ada",
  status: "alive",
  killed: false,
  remainingMs: 4_321,
  leader: { place: 1, fencingToken: 4n },
  jobs: 12,
  lock: { place: 1, fencingToken: 7n },
  done: 3,
  turns: 2,
};
const ben: Row = {
  ...ada,
  name: "ben",
  leader: { place: 2, fencingToken: 5n },
  jobs: 0,
  lock: { place: 3, fencingToken: 9n },
  done: undefined,
};
const away = { place: undefined, fencingToken: undefined };

test("a terminal is drawn on in place, what is said stays above", () => {
  const { out, written } = terminal({ hasColors: () => false });
  const screen = openScreen(out);
  expect(written()).toBe(`${ESC}[?25l`);
  screen.show([ada, ben]);
  const first = written();
  expect(first).toMatch(/^ ada +alive +4\.3 s +leads, token 4 +12 +holds, token 7 +2 +■■■·····$/m);
  expect(first).toMatch(/^ ben +alive +4\.3 s +waits, place 2 +0 +waits, place 3 +2$/m);

  const up = `${ESC}[1G${ESC}[${first.split("\n").length - 1}A${ESC}[0J`;
  screen.show([ben]);
  expect(written().startsWith(`${up}`)).toBe(true);

  screen.say("something");
  expect(written()).toMatch(/^\S+something\n.* ben /s);

  screen.end();
  expect(written().endsWith(`${ESC}[0J${ESC}[?25h`)).toBe(true);
  screen.say("after");
  expect(written()).toBe("after\n");
});

test("one that was killed is shown as what etcd knows of it", () => {
  const { out, written } = terminal({ hasColors: () => false });
  const screen = openScreen(out);
  const killed = { ...ada, killed: true };
  screen.show([killed]);
  expect(written()).toMatch(/^ ada +alive\? +4\.3 s +leads, token 4 +12 +holds, token 7 +2$/m);
  screen.show([{ ...killed, status: "suspected", remainingMs: 0 }]);
  expect(written()).toMatch(/^ ada +suspected +0\.0 s +leads, token 4/m);
  const gone = { remainingMs: undefined, leader: away, lock: away, done: undefined };
  screen.show([{ ...killed, status: "died", ...gone }]);
  expect(written()).toMatch(/^ ada +died +12 +2$/m);
});

test("one that left by itself is shown as such", () => {
  const { out, written } = terminal({ hasColors: () => false });
  const gone = { remainingMs: undefined, leader: away, lock: away, done: undefined };
  openScreen(out).show([{ ...ada, status: "left", ...gone }]);
  expect(written()).toMatch(/^ ada +left +12 +2$/m);
});

test("the widest line of a demo fits in whole", () => {
  const { out, written } = terminal({ hasColors: () => false });
  const place = { place: 1, fencingToken: 987n };
  const widest = { ...ada, name: "cleo", status: "suspected", leader: place, lock: place } as const;
  openScreen(out).show([{ ...widest, done: 8 }]);
  expect(written()).toMatch(/^ cleo .* leads, token 987 .* holds, token 987 .* ■{8}$/m);
});

test("a line never wraps, which would spoil the drawing in place", () => {
  const { out, written } = terminal({ hasColors: () => false });
  const token = 123_456_789_012n;
  const place = { place: 1, fencingToken: token };
  openScreen(out).show([{ ...ada, leader: place, lock: place }]);
  expect(
    Math.max(
      ...written()
        .split("\n")
        .map((line) => line.length),
    ),
  ).toBeLessThan(80);
});

test("colours only where they are wanted", () => {
  const colourful = terminal();
  const screen = openScreen(colourful.out);
  screen.say("good", "good");
  screen.show([{ ...ada, status: "suspected", killed: true }, ben]);
  const text = colourful.written();
  expect(text).toContain(`${ESC}[32mgood${ESC}[39m`);
  expect(text).toContain(`${ESC}[31m ada  suspected`);
  expect(text).toContain(`${ESC}[2m ben  alive`);

  const colourless = terminal({ hasColors: () => false });
  const plain = openScreen(colourless.out);
  plain.say("good", "good");
  plain.show([ada]);
  expect(colourless.written()).not.toMatch(/\[\d+m/);
});

test.each([
  { where: "a pipe", is: { isTTY: false, hasColors: () => true }, TERM: "xterm" },
  { where: "a dumb terminal", is: { hasColors: () => false }, TERM: "dumb" },
  { where: "a narrow terminal", is: { columns: 60, hasColors: () => false }, TERM: "xterm" },
])("plain lines in $where, one for each holder of the lock", ({ is, TERM }) => {
  vi.stubEnv("TERM", TERM);
  const { out, written } = terminal(is);
  const screen = openScreen(out);
  screen.say("hello", "good");
  screen.tell("ada joined", "good");
  screen.show([ada, ben]);
  screen.show([{ ...ada, done: 4 }, ben]);
  screen.show([ada, { ...ben, lock: away }]);
  screen.show([
    { ...ada, lock: { place: 2, fencingToken: 12n } },
    { ...ben, lock: { place: 1, fencingToken: 9n } },
  ]);
  screen.end();
  expect(written().replace(/ {2}0\.\d s/g, "  0.0 s")).toBe(
    [
      "hello",
      "  0.0 s  ada joined",
      "  0.0 s  ada  holds the lock, token 7; waiting: ben",
      "  0.0 s  ben  holds the lock, token 9; waiting: ada",
      "",
    ].join("\n"),
  );
});
