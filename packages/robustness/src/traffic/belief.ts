import { now } from "../model/clock.js";
import type { BeliefRecord, Look } from "../model/record.js";
import type { Recorder } from "./recorder.js";

const LOOK_MS = 10;
/** How often a belief is written while it lasts: what a killed process loses of it. */
const WRITE_US = 100_000;

type About = Pick<BeliefRecord, "kind" | "name" | "key" | "token" | "lease">;

/**
 * From when to when a process believed that it holds something. Looked at again and again, since a process that stands still
 * believes nothing: only looks count, and of each, that it was true at some moment between two readings of the clock.
 */
export class Belief {
  readonly #recorder: Recorder;
  readonly #about: About;
  readonly #belief: number;
  readonly #held: () => boolean;
  readonly #timer: NodeJS.Timeout;
  #first: Look | undefined;
  #last: Look | undefined;
  #written = 0;
  #over = false;

  constructor(recorder: Recorder, about: About, held: () => boolean) {
    this.#recorder = recorder;
    this.#about = about;
    this.#belief = recorder.next();
    this.#held = held;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.look();
  }

  /** Whether it still is believed. */
  look(): boolean {
    if (this.#over) return false;
    const before = now();
    if (!this.#held()) {
      this.end();
      return false;
    }
    this.#last = { before, after: now() };
    this.#first ??= this.#last;
    if (this.#last.after - this.#written > WRITE_US) this.#write();
    return true;
  }

  /** Before what is held is given up. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#write();
  }

  /** Looks once more, and ends. */
  close(): void {
    this.look();
    this.end();
  }

  #write(): void {
    const [first, last] = [this.#first, this.#last];
    if (!first || !last) return;
    this.#written = last.after;
    const belief = this.#belief;
    this.#recorder.write({ what: "belief", belief, ...this.#about, first, last });
  }
}
