import type { Output, Paint, Screen, Style } from "./screen.js";
import { Stopwatch, seconds } from "./stopwatch.js";
import type { View } from "./view.js";

/** One line for each thing that changes, for pipes, logs and simple terminals. */
export class PlainScreen implements Screen {
  readonly #out: Output;
  readonly #paint: Paint;
  readonly #stopwatch = new Stopwatch();
  #last = "";

  constructor(out: Output, paint: Paint) {
    this.#out = out;
    this.#paint = paint;
  }

  say(text: string, style?: Style): void {
    for (const line of text.split("\n")) {
      this.#out.write(`${style ? this.#paint(style, line) : line}\n`);
    }
  }

  note(text: string, style?: Style): void {
    this.say(`\n${text}\n`, style);
  }

  show(view: View): void {
    const holder = view.find(({ place }) => place === "holds");
    if (!holder) return;
    // a new line for each holder, and for each second that a dead one goes on holding
    const left = Math.ceil((holder.remainingMs ?? 0) / 1_000);
    const change = `${holder.fencingToken} ${holder.killed && left}`;
    if (change === this.#last) return;
    this.#last = change;
    const waiting = view.filter(({ place }) => place === "waits").map(({ name }) => name);
    const { name, killed, fencingToken, remainingMs = 0 } = holder;
    this.say(
      `${this.#stopwatch}  ${name.padEnd(4)} holds${killed ? ", dead" : ""}, token ${fencingToken}, ` +
        `session ${seconds(remainingMs)} left; waiting: ${waiting.join(", ") || "none"}`,
    );
  }

  end(): void {}
}
