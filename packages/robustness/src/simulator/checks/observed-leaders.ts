import { type KeyValue, underPrefix } from "@etcdkit/core/internal";
import type { Leader } from "@etcdkit/election";
import { covers, intervalOf } from "../etcd/key-range.js";
import type { Simulation } from "../simulation.js";
import type { Violations } from "./violations.js";

/** Who led from a revision on, until the next state of this kind. */
interface State {
  from: bigint;
  /** "" is nobody. */
  leader: string;
}

/** What one observer of an election is told, against the history of its keys: nothing left out, nothing twice, nothing else. */
export class ObservedLeaders {
  readonly #world: Simulation;
  readonly #name: string;
  readonly #violations: Violations;
  readonly #states: State[] = [{ from: 0n, leader: "" }];
  readonly #candidates = new Map<string, KeyValue>();
  #read = 1n;
  readonly #startedAt: bigint;
  /** Where in the history what was told last may be; undefined: nothing was told. */
  #at: number[] | undefined;

  constructor(world: Simulation, name: string, violations: Violations) {
    this.#world = world;
    this.#name = name;
    this.#violations = violations;
    this.#startedAt = world.cluster.etcd.store.revision;
  }

  told(leader: Leader | undefined): void {
    this.#readOn();
    const word = this.#wordOf(leader);
    this.#world.history.add(`observed ${this.#name} led by ${word || "nobody"}`);
    const next = this.#at ? this.#following(this.#at, word) : this.#first(word);
    if (next.length === 0) {
      this.#violations.add(`an observer of ${this.#name} was told what did not follow`);
    }
    this.#at = next;
  }

  /** When all is calm, it has been told of the last. */
  checkUpToDate(): void {
    this.#readOn();
    const last = this.#states.length - 1;
    const { compacted } = this.#world.cluster.etcd.store;
    const upToDate = this.#at?.some((index) => {
      const { from, leader } = this.#states[index] as State;
      // after a gap in history it may be the same again, and nothing to tell
      return index === last || (from < compacted && leader === this.#states[last]?.leader);
    });
    if (upToDate) return;
    this.#violations.add(`an observer of ${this.#name} was not told of the last change`);
  }

  #first(word: string): number[] {
    return this.#indices((state, index) => {
      const until = this.#states[index + 1]?.from;
      return state.leader === word && (until === undefined || until > this.#startedAt);
    });
  }

  /** The next state; a later one only where the history after the last was compacted, so that a watch cannot go on from there. */
  #following(at: number[], word: string): number[] {
    const { compacted } = this.#world.cluster.etcd.store;
    return this.#indices((state, index) => {
      if (state.leader !== word) return false;
      return at.some((from) => {
        const { from: since } = this.#states[from] as State;
        return index === from + 1 || (index > from && since < compacted);
      });
    });
  }

  #indices(fits: (state: State, index: number) => boolean): number[] {
    return [...this.#states.keys()].filter((index) => fits(this.#states[index] as State, index));
  }

  #wordOf(leader: Leader | undefined): string {
    if (!leader) return "";
    return `${leader.key} ${leader.fencingToken} ${leader.value.toString()}`;
  }

  #readOn(): void {
    const { store } = this.#world.cluster.etcd;
    const line = intervalOf(underPrefix(`${this.#name}/`));
    for (; this.#read <= store.revision; this.#read++) {
      let changed = false;
      for (const { type, kv } of store.at(this.#read)) {
        const id = kv.key.toString("latin1");
        if (!covers(line, id)) continue;
        changed = true;
        if (type === "delete") this.#candidates.delete(id);
        else this.#candidates.set(id, kv);
      }
      if (changed) this.#note(this.#read);
    }
  }

  #note(revision: bigint): void {
    let leader: KeyValue | undefined;
    for (const kv of this.#candidates.values()) {
      if (!leader || kv.createRevision < leader.createRevision) leader = kv;
    }
    const word = leader ? `${leader.key} ${leader.createRevision} ${leader.value}` : "";
    const last = this.#states.at(-1);
    // the same value proclaimed once more is told once more
    const again = leader?.modRevision === revision && leader.version > 1n;
    if (last?.leader !== word || again) this.#states.push({ from: revision, leader: word });
  }
}
