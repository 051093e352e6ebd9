/** News of one kind, and who waits for some of it. */
export class Bulletin<T> {
  readonly #readers = new Set<(news: T) => void>();

  tell(news: T): void {
    for (const reader of [...this.#readers]) reader(news);
  }

  /** From now on. */
  listen(reader: (news: T) => void): void {
    this.#readers.add(reader);
  }

  /** The first, from now on, that `matches`. */
  next(matches: (news: T) => boolean, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const reader = (news: T) => {
        if (!matches(news)) return;
        done();
        resolve(news);
      };
      const abort = () => {
        done();
        reject(signal.reason);
      };
      const done = () => {
        this.#readers.delete(reader);
        signal.removeEventListener("abort", abort);
      };
      this.#readers.add(reader);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
    });
  }
}
