import type { Clock, Timer } from "@etcdkit/core/internal";
import type { Schedule } from "../schedule.js";
import type { SeededRandom } from "../seeded-random.js";

interface Waiting {
  run: () => void;
  timer: boolean;
}

/** One client process: its clock, and when its code runs. */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #schedule: Schedule;
  readonly #random: SeededRandom;
  /** How fast its clock goes: no two are alike, and the safety margin of a session is there for that. */
  readonly #speed: number;
  #stalledUntil = 0;
  #awakeSince = 0;
  #dead = false;
  #waiting: Waiting[] = [];
  #timers = 0;

  constructor(name: string, schedule: Schedule, random: SeededRandom) {
    this.name = name;
    this.#schedule = schedule;
    this.#random = random;
    this.#speed = random.between(0.96, 1.04);
    const startedAt = random.between(0, 1e6);
    this.clock = {
      now: () => startedAt + schedule.now * this.#speed,
      setTimer: (delayMs, callback) => this.#setTimer(delayMs, callback),
    };
  }

  /** Whether its code can run now. */
  get awake(): boolean {
    return !this.#dead && this.#schedule.now >= this.#stalledUntil;
  }

  get awakeSince(): number {
    return this.#awakeSince;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Those set and not run. */
  get timers(): number {
    return this.#timers;
  }

  /** Runs `run` in this process, when it is not standing still. */
  deliver(run: () => void, timer = false): void {
    if (this.#dead) return;
    if (!this.awake || this.#waiting.length > 0) {
      this.#waiting.push({ run, timer });
      return;
    }
    this.#schedule.drainAfterwards();
    run();
  }

  /** Its code stands still: SIGSTOP, a long garbage collection, a blocked event loop. The clock goes on. */
  stall(forMs: number): void {
    if (this.#dead) return;
    const until = this.#schedule.now + forMs;
    if (until <= this.#stalledUntil) return;
    this.#stalledUntil = until;
    this.#schedule.at(until, () => this.#wake());
  }

  kill(): void {
    this.#dead = true;
    this.#waiting = [];
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimer(ms, resolve));
  }

  #setTimer(delayMs: number, callback: () => void): Timer {
    this.#timers++;
    let over = false;
    const done = () => {
      if (!over) this.#timers--;
      over = true;
    };
    // Node knows no timer of less than a millisecond, and runs each a little late
    const delay = Math.max(delayMs, 1) / this.#speed + this.#random.between(0, 1);
    const scheduled = this.#schedule.after(delay, () =>
      this.deliver(() => {
        // called off while the process stood still
        if (over) return;
        done();
        callback();
      }, true),
    );
    return {
      cancel: () => {
        done();
        scheduled.cancel();
      },
    };
  }

  /** Messages in the socket keep their order, and so do timers; which of the two come first is chance. */
  #wake(): void {
    if (!this.awake) return;
    this.#awakeSince = this.#schedule.now;
    const waiting = this.#waiting;
    const timers = waiting.filter(({ timer }) => timer);
    const messages = waiting.filter(({ timer }) => !timer);
    const share = this.#random.pick([0, 0.5, 1]);
    this.#waiting = [];
    while (timers.length + messages.length > 0) {
      const first = this.#random.chance(share) ? timers : messages;
      const next = first.shift() ?? timers.shift() ?? messages.shift();
      if (next) this.#waiting.push(next);
    }
    this.#runNext();
  }

  #runNext(): void {
    if (!this.awake) return;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#schedule.drainAfterwards();
    this.#schedule.after(0, () => this.#runNext());
    next.run();
  }
}
