import type { History } from "../history.js";

/** What must not be and was. */
export class Violations {
  readonly all: string[] = [];
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  add(what: string): void {
    if (this.all.includes(what)) return;
    this.all.push(what);
    this.#history.add(`VIOLATION ${what}`);
  }
}
