import type { Socket } from "node:net";

/** Towards the server (what a client asks), or back from it (what it hears). */
export type Direction = "up" | "down";

/** What happens to bytes that travel in one direction; shared by all connections of a proxy. */
export interface Rules {
  stalled: boolean;
  /** Whether what comes during the stall is lost instead of held. */
  discard: boolean;
  delayMs: number;
}

interface Item {
  chunk: Buffer | "end";
  dueAt: number;
}

// read on so far during a stall or a delay, then leave the rest to TCP's own back-pressure
const HELD_BYTES = 1 << 20;

/** One direction of one connection. */
export class ProxyPipe {
  /** Whether bytes were thrown away, so that the connection can never be whole again. */
  lossy = false;
  /** Throws away all that comes from now on, on this connection alone. */
  muted = false;
  #queue: Item[] = [];
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly from: Socket,
    readonly to: Socket,
    readonly rules: Rules,
    readonly passed: (chunk: Buffer) => void,
  ) {
    from.on("data", (chunk: Buffer) => this.#push(chunk));
    from.on("end", () => this.#push("end"));
    to.on("drain", () => this.flush());
  }

  /** Sends on what may go by now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (!this.rules.stalled && !this.to.writableNeedDrain) {
      const next = this.#queue[0];
      if (!next || this.to.destroyed) break;
      const wait = next.dueAt - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.flush(), Math.ceil(wait));
        break;
      }
      this.#queue.shift();
      this.#send(next.chunk);
    }
    if (this.#held < HELD_BYTES) this.from.resume();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  #push(chunk: Buffer | "end"): void {
    if (this.muted || (this.rules.stalled && this.rules.discard)) {
      this.lossy = true;
      return;
    }
    this.#queue.push({ chunk, dueAt: performance.now() + this.rules.delayMs });
    this.#held += chunk.length;
    if (this.#held >= HELD_BYTES) this.from.pause();
    if (this.#timer === undefined) this.flush();
  }

  #send(chunk: Buffer | "end"): void {
    this.#held -= chunk.length;
    if (chunk === "end") {
      this.to.end();
      return;
    }
    this.to.write(chunk);
    this.passed(chunk);
  }
}
