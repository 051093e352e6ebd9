/** A timer that can be called off; calling it off twice, or after it ran, does nothing. */
export interface ManualTimer {
  cancel(): void;
}

interface Entry {
  readonly dueAt: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until it is turned by hand, for rules about time. It has the shape
 * `{ now(): number; setTimer(delayMs, callback): { cancel(): void } }`; all times are milliseconds.
 */
export class ManualClock {
  #now: number;
  #timers = new Set<Entry>();

  /** @param startMs what `now()` says at first. Default 0. */
  constructor(startMs = 0) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  /** Runs `callback` once, when the clock has been turned `delayMs` further. */
  setTimer(delayMs: number, callback: () => void): ManualTimer {
    const entry: Entry = { dueAt: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(entry);
    return { cancel: () => void this.#timers.delete(entry) };
  }

  /** How many timers are set and have not run. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, by this clock; `undefined` when none is set. */
  get nextAt(): number | undefined {
    return this.#earliest()?.dueAt;
  }

  /**
   * Turns the clock: each timer due on the way runs at its own time, in order, those set by other
   * timers too. A callback that throws stops the turning there.
   */
  advance(ms: number): void {
    const target = this.#now + ms;
    for (let next = this.#earliest(); next && next.dueAt <= target; next = this.#earliest()) {
      this.#timers.delete(next);
      // a timer left overdue by jump() runs late: the clock never goes back
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback();
    }
    this.#now = Math.max(this.#now, target);
  }

  /**
   * Lets time pass without running any timer, as in a process that was stopped. Timers that became
   * overdue run at the next {@link advance}, `advance(0)` included.
   */
  jump(ms: number): void {
    this.#now += ms;
  }

  #earliest(): Entry | undefined {
    let first: Entry | undefined;
    // a Set keeps the order of setting, so that equal times run first set, first run
    for (const entry of this.#timers) if (!first || entry.dueAt < first.dueAt) first = entry;
    return first;
  }
}
