import { performance } from "node:perf_hooks";
import type { Calls } from "./calls.js";
import type { Figures } from "./figures.js";

/** What a stretch of work takes: time, this process's CPU, calls. */
export class Span {
  readonly #calls: Calls | undefined;
  readonly #unary: number;
  readonly #cpu = process.cpuUsage();
  readonly #start = performance.now();

  constructor(calls?: Calls) {
    this.#calls = calls;
    this.#unary = calls?.unary ?? 0;
  }

  get elapsedS(): number {
    return (performance.now() - this.#start) / 1_000;
  }

  /** The figures for `n` operations. */
  end(n: number): Figures {
    const { elapsedS } = this;
    const cpuUs = this.cpuUs / n;
    const calls = this.#calls && { calls: (this.#calls.unary - this.#unary) / n };
    return { opsPerS: n / elapsedS, cpuUs, ...calls };
  }

  get cpuUs(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    return user + system;
  }
}
