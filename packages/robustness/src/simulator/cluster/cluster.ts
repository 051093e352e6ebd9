import { ReplicatedEtcd } from "../etcd/replicated-etcd.js";
import type { History } from "../history.js";
import type { Schedule } from "../schedule.js";
import type { SeededRandom } from "../seeded-random.js";
import { SimulatedMember } from "./member.js";

const SWEEP_MS = 500;
const ELECTION_MS = 1_000;

/** The members of one simulated cluster in front of what they agree on, and whether they have a leader to agree by. */
export class SimulatedCluster {
  readonly schedule: Schedule;
  readonly etcd: ReplicatedEtcd;
  readonly members: SimulatedMember[];
  readonly random: SeededRandom;
  readonly history: History;
  #leader: SimulatedMember | undefined;
  #electing = false;

  constructor(schedule: Schedule, random: SeededRandom, history: History, size: number) {
    this.schedule = schedule;
    this.random = random;
    this.history = history;
    this.etcd = new ReplicatedEtcd(
      () => schedule.now,
      () => {
        for (const member of this.members) member.follow();
      },
    );
    this.members = Array.from({ length: size }, (_, index) => new SimulatedMember(this, index));
    this.#leader = this.members[random.below(size)];
    this.#sweepAfter(random.between(0, SWEEP_MS));
  }

  get led(): boolean {
    return this.#leader !== undefined;
  }

  /** Someone has come or gone: without a quorum, or until it has elected, the cluster has no leader. */
  changed(): void {
    // alone, one that stood still leads on
    const leads = this.members.length === 1 ? this.#leader?.running : this.#leader?.connected;
    if (this.#leader && !(leads && (this.members.length === 1 || this.#quorum))) this.loseLeader();
    else this.#elect();
  }

  /** The leader is one no more, whatever it is: the others, or it itself, are elected after a while. */
  loseLeader(): void {
    this.#leader = undefined;
    this.history.add("no leader");
    for (const member of this.members) member.leaderChanged();
    this.#elect();
  }

  get #quorum(): boolean {
    return this.members.filter(({ connected }) => connected).length * 2 > this.members.length;
  }

  #elect(): void {
    if (this.#leader || this.#electing) return;
    this.#electing = true;
    this.schedule.after(this.random.between(ELECTION_MS, 1.7 * ELECTION_MS), () => {
      this.#electing = false;
      if (!this.#quorum) return;
      this.#leader = this.random.pick(this.members.filter(({ connected }) => connected));
      this.history.add(`leader m${this.#leader.index}`);
      this.etcd.leases.refresh(this.schedule.now, ELECTION_MS);
      for (const member of this.members) member.leaderChanged();
    });
  }

  #sweepAfter(delayMs: number): void {
    this.schedule.after(delayMs, () => {
      if (this.#leader?.connected) {
        for (const lease of this.etcd.sweep()) this.history.add(`expired ${lease.toString(16)}`);
      }
      this.#sweepAfter(SWEEP_MS);
    });
  }
}
