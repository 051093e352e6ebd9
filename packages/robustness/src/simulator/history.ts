/** What happened in one run: always its hash, and where asked for its lines. */
export class History {
  readonly lines: string[] = [];
  #hash = 0x811c9dc5;
  readonly #now: () => number;
  readonly #keep: boolean;

  constructor(now: () => number, keep: boolean) {
    this.#now = now;
    this.#keep = keep;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  add(line: string): void {
    const at = this.#now().toFixed(3);
    this.#mix(at);
    this.#mix(line);
    if (this.#keep) this.lines.push(`${at.padStart(10)} ${line}`);
  }

  #mix(text: string): void {
    let hash = this.#hash;
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
    this.#hash = hash;
  }
}
