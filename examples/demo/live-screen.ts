import { clearScreenDown, cursorTo, moveCursor } from "node:readline";
import type { Output, Paint, Screen, Style } from "./screen.js";
import { Stopwatch, seconds } from "./stopwatch.js";
import { STEPS } from "./task.js";
import type { Row, View } from "./view.js";

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";

/** A few lines at the bottom of a terminal that are drawn anew again and again; what is said goes above them and stays. */
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
    this.say(`${text}\n`, style);
  }

  show(view: View): void {
    this.#panel = [
      ...view.map((row, place) => this.#line(row, place)),
      "",
      this.#paint("faint", `${this.#stopwatch}`),
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

  #line(row: Row, place: number): string {
    const inLine = row.place !== "away";
    const cells = [
      ` ${inLine ? place + 1 : " "}  ${row.name.padEnd(5)}`,
      (row.killed
        ? inLine
          ? "dead, holds"
          : "dead"
        : row.place === "away"
          ? ""
          : row.place
      ).padEnd(11),
      (row.fencingToken ? `token ${row.fencingToken}` : "").padEnd(12),
      `turns ${row.turns}`.padEnd(9),
    ];
    const style = row.killed ? "bad" : row.place === "holds" ? "good" : "faint";
    const line = this.#paint(style, cells.join(" "));
    if (row.place !== "holds") return line;
    const work = row.killed ? " ".repeat(STEPS) : "■".repeat(row.done ?? 0).padEnd(STEPS, "·");
    return `${line} ${work}  session ${seconds(row.remainingMs ?? 0)} left`;
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
