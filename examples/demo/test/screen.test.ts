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
  pid: 1,
  place: "holds",
  killed: false,
  fencingToken: 7n,
  done: 3,
  remainingMs: 4_200,
  turns: 2,
};
const ben: Row = {
  ...ada,
  name: "ben",
  place: "waits",
  fencingToken: 9n,
  done: undefined,
  remainingMs: undefined,
};

test("a terminal is drawn on in place, what is said stays above", () => {
  const { out, written } = terminal();
  const screen = openScreen(out);
  expect(written()).toBe(`${ESC}[?25l`);
  screen.show([ada, ben]);
  const first = written();
  expect(first).toMatch(/ 1 {2}ada {3}holds +token 7 +turns 2 .*■■■····· {2}session 4\.2 s left\n/);
  expect(first).toMatch(/ 2 {2}ben {3}waits +token 9 +turns 2/);

  const up = `${ESC}[1G${ESC}[${first.split("\n").length - 1}A${ESC}[0J`;
  screen.show([ben]);
  expect(written().startsWith(`${up}`)).toBe(true);

  screen.say("something");
  expect(written()).toMatch(/^\S+something\n.* 1 {2}ben/s);

  screen.end();
  expect(written().endsWith(`${ESC}[0J${ESC}[?25h`)).toBe(true);
  screen.say("after");
  expect(written()).toBe("after\n");
});

test("colours only where they are wanted", () => {
  const colourful = terminal();
  openScreen(colourful.out).say("good", "good");
  expect(colourful.written()).toContain(`${ESC}[32mgood${ESC}[39m`);

  const colourless = terminal({ hasColors: () => false });
  const screen = openScreen(colourless.out);
  screen.say("good", "good");
  screen.show([ada]);
  expect(colourless.written()).not.toMatch(/\[\d+m/);
});

test.each([
  { where: "a pipe", is: { isTTY: false, hasColors: () => true }, TERM: "xterm" },
  { where: "a dumb terminal", is: { hasColors: () => false }, TERM: "dumb" },
  { where: "a narrow terminal", is: { columns: 60, hasColors: () => false }, TERM: "xterm" },
])("plain lines in $where, one for each holder", ({ is, TERM }) => {
  vi.stubEnv("TERM", TERM);
  const { out, written } = terminal(is);
  const screen = openScreen(out);
  screen.say("hello", "good");
  screen.show([ada, ben]);
  screen.show([{ ...ada, done: 4, remainingMs: 4_100 }, ben]);
  screen.show([{ ...ada, killed: true, remainingMs: 1_900 }, ben]);
  screen.show([{ ...ada, killed: true, remainingMs: 1_800 }, ben]);
  screen.show([{ ...ada, killed: true, remainingMs: 900 }, ben]);
  screen.end();
  expect(written().replace(/ {2}0\.\d s/g, "  0.0 s")).toBe(
    [
      "hello",
      "  0.0 s  ada  holds, token 7, session 4.2 s left; waiting: ben",
      "  0.0 s  ada  holds, dead, token 7, session 1.9 s left; waiting: ben",
      "  0.0 s  ada  holds, dead, token 7, session 0.9 s left; waiting: ben",
      "",
    ].join("\n"),
  );
});
