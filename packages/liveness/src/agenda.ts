interface Entry<T> {
  at: number;
  item: T;
}

/** What is to be done when: a heap, so that the next is found among thousands, however often each is put off. */
export class Agenda<T> {
  readonly #heap: Entry<T>[] = [];

  /** The earliest. */
  get next(): Readonly<Entry<T>> | undefined {
    return this.#heap[0];
  }

  add(at: number, item: T): void {
    const heap = this.#heap;
    const entry = { at, item };
    let index = heap.length;
    for (let above = parent(index); index > 0; above = parent(index)) {
      const other = heap[above];
      if (!other || other.at <= at) break;
      heap[index] = other;
      index = above;
    }
    heap[index] = entry;
  }

  /** Takes the earliest off. */
  shift(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
      if (!left) break;
      const rightFirst = right !== undefined && right.at < left.at;
      const below = rightFirst ? right : left;
      if (below.at >= last.at) break;
      heap[index] = below;
      index = 2 * index + (rightFirst ? 2 : 1);
    }
    heap[index] = last;
  }
}

const parent = (index: number) => (index - 1) >> 1;
