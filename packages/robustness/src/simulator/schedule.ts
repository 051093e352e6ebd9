export interface Scheduled {
  cancel(): void;
}

interface Entry {
  at: number;
  order: number;
  run: (() => void) | undefined;
}

/** What is to happen in the simulated world, in the order of its time, which goes on from one to the next at once. */
export class Schedule {
  #now = 0;
  #order = 0;
  /** A binary heap: the earliest first, and of those at one time the one that was scheduled first. */
  readonly #heap: Entry[] = [];
  #steps = 0;
  #drain = false;

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Whether nothing is left to happen. */
  get idle(): boolean {
    while (this.#heap[0] && !this.#heap[0].run) this.#pop();
    return this.#heap.length === 0;
  }

  at(time: number, run: () => void): Scheduled {
    const entry: Entry = { at: Math.max(time, this.#now), order: this.#order++, run };
    this.#push(entry);
    return {
      cancel: () => {
        entry.run = undefined;
      },
    };
  }

  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#now + delayMs, run);
  }

  /** The event under way runs code that awaits: all that follows from it is run before the next event. */
  drainAfterwards(): void {
    this.#drain = true;
  }

  /** Runs the next event and what follows from it without time passing. False: there is none. */
  async step(): Promise<boolean> {
    let entry = this.#pop();
    while (entry && !entry.run) entry = this.#pop();
    if (!entry?.run) return false;
    this.#now = entry.at;
    this.#steps++;
    entry.run();
    if (this.#drain) {
      this.#drain = false;
      await drained();
    }
    return true;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent] as Entry;
      if (!before(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right && before(right, heap[child] as Entry)) child++;
      const below = heap[child] as Entry;
      if (!before(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

/** All microtasks run before the next turn of the event loop does. */
export function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
