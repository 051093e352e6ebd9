interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/** An iterator fed from outside: what nobody has read yet is kept, in order. */
export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #unread: T[] = [];
  readonly #readers: Reader<T>[] = [];
  readonly #stop: () => void;
  #over = false;
  #failure: { error: unknown } | undefined;

  /** `stop` is called once, when nothing is wanted or to come any more. */
  constructor(stop: () => void) {
    this.#stop = stop;
  }

  push(value: T): void {
    if (this.#over) return;
    const reader = this.#readers.shift();
    if (reader) reader.resolve({ value, done: false });
    else this.#unread.push(value);
  }

  /** Ends at once: what was not read yet is dropped. */
  end(): void {
    this.#unread.length = 0;
    this.#failure = undefined;
    this.finish();
  }

  /** Ends after what is unread. */
  finish(): void {
    if (!this.#over) {
      this.#over = true;
      this.#stop();
    }
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE);
  }

  /** Ends with an error, after what is unread. */
  fail(error: unknown): void {
    if (this.#over) return;
    const first = this.#readers.shift();
    if (first) first.reject(error);
    else this.#failure = { error };
    this.finish();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#unread.length > 0) {
      return Promise.resolve({ value: this.#unread.shift() as T, done: false });
    }
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#over) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve(DONE);
  }

  /** What `begin` tells it, until `signal` or the reader ends it, which what `begin` returns then hears of. */
  static until<T>(signal: AbortSignal | undefined, begin: (feed: Feed<T>) => () => void): Feed<T> {
    let stop = () => {};
    const abort = () => feed.end();
    const feed = new Feed<T>(() => {
      signal?.removeEventListener("abort", abort);
      stop();
    });
    if (signal?.aborted) {
      feed.end();
      return feed;
    }
    signal?.addEventListener("abort", abort);
    stop = begin(feed);
    // ended by its first word
    if (feed.#over) stop();
    return feed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const DONE = { value: undefined, done: true } as const;
