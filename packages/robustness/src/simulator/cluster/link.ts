import type { Schedule } from "../schedule.js";
import type { SeededRandom } from "../seeded-random.js";

/** How bad the way between a client and a member is at the moment. */
export interface Weather {
  /** Of the requests that never arrive. */
  lostRequests: number;
  /** Of the replies that never arrive: what was asked for was done. */
  lostReplies: number;
  /** Of the messages that take long. */
  slow: number;
  /** How long at most. */
  slowMs: number;
}

export const FAIR: Weather = { lostRequests: 0, lostReplies: 0, slow: 0, slowMs: 0 };

/** The way between one client and one member, in both directions. */
export class Link {
  readonly schedule: Schedule;
  readonly random: SeededRandom;
  weather = FAIR;
  /** Until when nothing gets through, and no end is told of it either. */
  #holeUntil = 0;
  readonly #streams = new Set<() => void>();

  constructor(schedule: Schedule, random: SeededRandom) {
    this.schedule = schedule;
    this.random = random;
  }

  /** How long a message takes that is sent now. */
  delayMs(): number {
    const { random, weather, schedule } = this;
    const way = random.between(0.2, 2);
    const slow = random.chance(weather.slow) ? random.between(0, weather.slowMs) : 0;
    return Math.max(this.#holeUntil - schedule.now, 0) + way + slow;
  }

  get loses(): boolean {
    return this.schedule.now < this.#holeUntil && this.random.chance(0.5);
  }

  /** Nothing gets through for a while; what was sent meanwhile arrives afterwards, or the connection is reset. */
  hole(forMs: number): void {
    this.#holeUntil = Math.max(this.#holeUntil, this.schedule.now + forMs);
    const reset = this.random.chance(0.5);
    this.schedule.after(forMs, () => {
      if (reset) this.cut();
    });
  }

  /** Ends the streams that are open. */
  cut(): void {
    for (const end of [...this.#streams]) end();
  }

  stream(end: () => void): () => void {
    this.#streams.add(end);
    return () => this.#streams.delete(end);
  }
}
