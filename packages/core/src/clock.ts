import { platform, uptime } from "node:os";
import { performance } from "node:perf_hooks";

export interface Timer {
  cancel(): void;
}

/** Time as core sees it, an interface so that tests and a simulator can turn it by hand. Milliseconds throughout. */
export interface Clock {
  /** Never goes back, never jumps with the wall clock, and does not stand still while the process or machine does. */
  now(): number;
  /** Runs `callback` once, not before `delayMs` have passed. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

// os.uptime() is read in steps of 10 ms; anything well above that is a machine that slept
const NOISE_MS = 200;
// uptime() reads a file (libuv, src/unix/linux.c): too slow to ask at every look at a lease. The wall clock is not, and jumps
// over a sleep too: where it moved against the monotonic clock the uptime is asked at once, else after this much awake time
const UPTIME_GOOD_FOR_MS = 20;
// Node's timers stand still with the monotonic clock: so often the clock is looked at, whether one fell due in a sleep
const LOOK_MS = 1_000;

/**
 * The monotonic clock of Node goes on while a process is stopped but stands still while the machine sleeps
 * (CLOCK_MONOTONIC); the uptime of Linux counts sleep (CLOCK_BOOTTIME). Where the two drift apart, time has passed that
 * the first did not see. Elsewhere uptime follows the wall clock, so only the monotonic clock is read.
 */
export class SystemClock implements Clock {
  readonly #base: number;
  #slept = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** The wall clock less the monotonic one, when the uptime was last asked. */
  #wallAhead = 0;

  constructor(
    readonly monotonicMs: () => number = () => performance.now(),
    readonly uptimeMs: () => number = platform() === "linux" ? () => uptime() * 1000 : monotonicMs,
    readonly wallMs: () => number = Date.now,
  ) {
    this.#base = this.uptimeMs() - this.monotonicMs();
  }

  now(): number {
    const monotonic = this.monotonicMs();
    const wallAhead = this.wallMs() - monotonic;
    const moved = Math.abs(wallAhead - this.#wallAhead) > NOISE_MS;
    if (!moved && monotonic < this.#lookedAt + UPTIME_GOOD_FOR_MS) return monotonic + this.#slept;
    this.#lookedAt = monotonic;
    this.#wallAhead = wallAhead;
    const drift = this.uptimeMs() - monotonic - this.#base;
    if (drift > this.#slept + NOISE_MS) this.#slept = drift;
    return monotonic + this.#slept;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const due = this.now() + delayMs;
    const lookIn = (leftMs: number) => setTimeout(look, Math.min(Math.ceil(leftMs), LOOK_MS));
    const look = () => {
      const leftMs = due - this.now();
      if (leftMs > 0) timer = lookIn(leftMs);
      else callback();
    };
    let timer = lookIn(delayMs);
    return { cancel: () => clearTimeout(timer) };
  }
}
