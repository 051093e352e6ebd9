import { connect, type Server, type Socket } from "node:net";
import { listen } from "./listen.js";
import { checkMs, checkOptions, required } from "./options.js";
import {
  type BreakAfterOptions,
  breakAfterChecks,
  type ProxyOptions,
  type StallOptions,
  stallChecks,
} from "./proxy-options.js";
import { type Direction, ProxyPipe, type Rules } from "./proxy-pipe.js";

interface Pair {
  client: Socket;
  server: Socket;
  up: ProxyPipe;
  down: ProxyPipe;
}

interface Trap {
  direction: Direction;
  match: (chunk: Buffer) => boolean;
  how: "reset" | "cut" | "mute";
  sprung: () => void;
}

/** Stands between clients and a server, and does to their connections what networks do. */
export class TcpProxy implements AsyncDisposable {
  /** Where clients connect: `host:port`. */
  readonly endpoint: string;
  readonly #options: ProxyOptions;
  readonly #port: number;
  readonly #rules: Record<Direction, Rules> = {
    up: { stalled: false, discard: false, delayMs: 0 },
    down: { stalled: false, discard: false, delayMs: 0 },
  };
  readonly #pairs = new Set<Pair>();
  readonly #bytes = { up: 0, down: 0 };
  #listener: Server | undefined;
  readonly #traps = new Set<Trap>();
  #accepted = 0;

  /** @internal use `startProxy` */
  constructor(options: ProxyOptions, port: number, listener: Server) {
    this.#options = options;
    this.#port = port;
    this.endpoint = `127.0.0.1:${port}`;
    this.#adopt(listener);
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Connections that were ever accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Bytes passed on so far, each way. */
  get bytes(): Readonly<Record<Direction, number>> {
    return { ...this.#bytes };
  }

  /** Closes every connection at once, and refuses new ones until `restore()`. */
  async cut(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    for (const pair of this.#pairs) this.#drop(pair, false);
    if (listener) await new Promise<void>((resolve) => listener.close(() => resolve()));
  }

  /**
   * Accepts connections again, at the same port.
   *
   * @throws Node's own error with code `EADDRINUSE`, when another process has taken the port meanwhile
   */
  async restore(): Promise<void> {
    if (!this.#listener) this.#adopt(await listen(this.#port));
  }

  /**
   * From now on nothing arrives, while connections stay open and new ones are accepted.
   *
   * @throws TypeError for bad arguments
   */
  stall(options: StallOptions = {}): void {
    checkOptions(options, stallChecks);
    const { direction = "both", discard = false } = options;
    for (const way of ["up", "down"] as const) {
      if (direction !== "both" && direction !== way) continue;
      Object.assign(this.#rules[way], { stalled: true, discard });
    }
  }

  /** Ends a stall: what was held arrives; a connection that lost something is reset. */
  resume(): void {
    Object.assign(this.#rules.up, { stalled: false, discard: false });
    Object.assign(this.#rules.down, { stalled: false, discard: false });
    for (const pair of this.#pairs) {
      if (pair.up.lossy || pair.down.lossy) this.#drop(pair, true);
      pair.up.flush();
      pair.down.flush();
    }
  }

  /**
   * What comes from now on arrives this many milliseconds later, in each direction; 0 ends it.
   *
   * @throws TypeError, RangeError unless it is a number from 0 to 2,147,483,647
   */
  delay(ms: number): void {
    required(checkMs(0))(ms, "ms");
    this.#rules.up.delayMs = ms;
    this.#rules.down.delayMs = ms;
  }

  /** Resets (RST) every live connection; new ones are accepted. */
  reset(): void {
    for (const pair of this.#pairs) this.#drop(pair, true);
  }

  /**
   * Sets a trap that works once: the next chunk that matches is passed on, and then the connection
   * breaks. Resolves when that has happened.
   *
   * @throws TypeError for bad arguments, at once
   */
  breakAfter(options: BreakAfterOptions = {}): Promise<void> {
    checkOptions(options, breakAfterChecks);
    const { direction = "up", match = () => true, how = "reset" } = options;
    return new Promise((sprung) => {
      this.#traps.add({ direction, match, how, sprung });
    });
  }

  /** Closes every connection and stops listening. */
  async close(): Promise<void> {
    await this.cut();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #adopt(listener: Server): void {
    this.#listener = listener;
    listener.on("connection", (client) => this.#accept(client));
  }

  #accept(client: Socket): void {
    this.#accepted++;
    const [host = "", port = ""] = this.#options.target.split(/:(?=\d+$)/);
    const server = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    const pair: Pair = {
      client,
      server,
      up: new ProxyPipe(client, server, this.#rules.up, (chunk) => this.#passed(chunk, "up", pair)),
      down: new ProxyPipe(server, client, this.#rules.down, (chunk) => {
        this.#passed(chunk, "down", pair);
      }),
    };
    this.#pairs.add(pair);
    // the close that follows an error tells all there is to know
    client.on("error", () => undefined).on("close", (broken) => this.#ended(pair, pair.up, broken));
    server
      .on("error", () => undefined)
      .on("close", (broken) => this.#ended(pair, pair.down, broken));
  }

  #passed(chunk: Buffer, direction: Direction, pair: Pair): void {
    this.#bytes[direction] += chunk.length;
    this.#options.onData?.(chunk, direction);
    const trap = [...this.#traps].find((set) => set.direction === direction && set.match(chunk));
    if (!trap) return;
    this.#traps.delete(trap);
    if (trap.how === "mute") pair[direction === "up" ? "down" : "up"].muted = true;
    else if (trap.how === "reset") this.reset();
    else void this.cut();
    trap.sprung();
  }

  #ended(pair: Pair, news: ProxyPipe, broken: boolean): void {
    if (!this.#pairs.has(pair)) return;
    const over = pair.client.destroyed && pair.server.destroyed;
    // in a hole, one side does not hear that the other is gone
    if (!over && news.rules.stalled) news.lossy = true;
    else if (over || broken) this.#drop(pair, broken);
  }

  #drop(pair: Pair, reset: boolean): void {
    this.#pairs.delete(pair);
    pair.up.close();
    pair.down.close();
    for (const socket of [pair.client, pair.server]) {
      if (reset && !socket.destroyed) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}
