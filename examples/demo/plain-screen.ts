import type { Output, Paint, Screen, Style } from "./screen.js";
import { Stopwatch } from "./stopwatch.js";
import type { View } from "./view.js";

/** One line for each thing that changes, for pipes, logs and simple terminals. */
export class PlainScreen implements Screen {
  readonly #out: Output;
  readonly #paint: Paint;
  readonly #stopwatch = new Stopwatch();
  #last: bigint | undefined;

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

  tell(text: string, style?: Style): void {
    this.say(`${this.#stopwatch}  ${text}`, style);
  }

  /** The machines and the leader are told of as they change: what remains is the lock, a line for each holder. */
  show(view: View): void {
    const holder = view.find(({ lock }) => lock.place === 1);
    if (!holder || holder.lock.fencingToken === this.#last) return;
    this.#last = holder.lock.fencingToken;
    const waiting = view
      .filter(({ lock }) => (lock.place ?? 0) > 1)
      .sort((a, b) => (a.lock.place ?? 0) - (b.lock.place ?? 0))
      .map(({ name }) => name);
    this.tell(
      `${holder.name.padEnd(4)} holds the lock, token ${this.#last}; waiting: ${waiting.join(", ") || "none"}`,
      "faint",
    );
  }

  end(): void {}
}
