import { clearScreenDown, cursorTo, moveCursor } from "node:readline";
import type { Output, Paint, Screen, Style } from "./screen.js";
import { Stopwatch, seconds } from "./stopwatch.js";
import { STEPS } from "./task.js";
import type { Place, Row, View } from "./view.js";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const HEADING = ["", "machine", "time left", "leader", "jobs", "lock", "turns"];
// in all, with the spaces between, what the narrowest terminal that is drawn on has
const WIDTHS = [4, 9, 9, 16, 4, 16, 5, STEPS];

/** A table at the bottom of a terminal that is drawn anew again and again; what is said goes above it and stays. */
export class LiveScreen implements Screen {
  readonly #out: Output;
  readonly #paint: Paint;
  readonly #stopwatch = new Stopwatch();
  #panel: string[] = [];
  #drawn = 0;
  readonly #showCursor = () => void this.#out.write(SHOW_CURSOR);

  constructor(out: Output, paint: Paint) {
    this.#out = out;
    this.#paint = paint;
    this.#out.write(HIDE_CURSOR);
    // also where the demo ends in a way it did not think of
    process.once("exit", this.#showCursor);
  }

  say(text: string, style?: Style): void {
    this.#erase();
    for (const line of text.split("\n")) {
      this.#out.write(`${style ? this.#paint(style, line) : line}\n`);
    }
    this.#draw();
  }

  note(text: string, style?: Style): void {
    this.say(`\n${text}\n`, style);
  }

  tell(text: string, style?: Style): void {
    this.say(`${this.#stopwatch}  ${text}`, style);
  }

  show(view: View): void {
    this.#panel = [
      "",
      this.#line("faint", cells(HEADING)),
      ...view.map((row) => this.#line(styleOf(row), textOf(row))),
      this.#line("faint", `${this.#stopwatch}`),
    ];
    this.#erase();
    this.#draw();
  }

  end(): void {
    this.#erase();
    this.#panel = [];
    this.#showCursor();
    process.off("exit", this.#showCursor);
  }

  /** A line that wraps would be two, and not be erased. */
  #line(style: Style, text: string): string {
    return this.#paint(style, text.slice(0, (this.#out.columns ?? 80) - 1).trimEnd());
  }

  #erase(): void {
    if (this.#drawn === 0) return;
    // not at the start of the line after a Ctrl-C that the terminal has shown
    cursorTo(this.#out, 0);
    moveCursor(this.#out, 0, -this.#drawn);
    clearScreenDown(this.#out);
    this.#drawn = 0;
  }

  #draw(): void {
    for (const line of this.#panel) this.#out.write(`${line}\n`);
    this.#drawn = this.#panel.length;
  }
}

function styleOf({ killed, status, leader }: Row): Style {
  if (killed || status === "suspected" || status === "died") return "bad";
  return leader.place === 1 ? "good" : "faint";
}

function textOf(row: Row): string {
  const { name, status, killed, remainingMs, leader, jobs, lock, done, turns } = row;
  const bar = done === undefined || killed ? "" : "■".repeat(done).padEnd(STEPS, "·");
  const machine = (killed && status === "alive" ? "alive?" : status) ?? "";
  return cells([
    name,
    machine,
    remainingMs === undefined ? "" : seconds(remainingMs),
    inLine(leader, "leads"),
    `${jobs}`,
    inLine(lock, "holds"),
    `${turns}`,
    bar,
  ]);
}

function inLine({ place, fencingToken }: Place, first: string): string {
  if (place === undefined) return "";
  return place === 1 ? `${first}, token ${fencingToken}` : `waits, place ${place}`;
}

function cells(texts: string[]): string {
  return texts.map((text, i) => ` ${text.padEnd(WIDTHS[i] ?? 0)}`).join("");
}
