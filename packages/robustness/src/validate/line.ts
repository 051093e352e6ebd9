import type { KeyLife } from "../model/key-life.js";

/** Who held a lock at which revision, by etcd's history alone: of the keys in line, the one with the least create revision. */
export class Line {
  readonly #lives = new Map<number, KeyLife>();
  /** Up to which revision some key before this one stood. */
  readonly #waitedUntil = new Map<number, number>();

  /** @param lives by create revision */
  constructor(lives: readonly KeyLife[]) {
    let until = 0;
    for (const life of lives) {
      this.#lives.set(life.createRevision, life);
      this.#waitedUntil.set(life.createRevision, until);
      until = Math.max(until, life.endRevision);
    }
  }

  heldBy(token: number, revision: number): boolean {
    const life = this.#lives.get(token);
    if (!life || revision < life.createRevision || revision >= life.endRevision) return false;
    return (this.#waitedUntil.get(token) ?? 0) <= revision;
  }
}
