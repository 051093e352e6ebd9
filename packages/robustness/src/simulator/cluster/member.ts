import { EtcdFailure } from "@etcdkit/core/internal";
import { WatchHub } from "../etcd/watch-hub.js";
import type { SeededRandom } from "../seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";

const SYNC_MS = 100;
/** Streams that ask for a leader are ended after three elections' time without one (etcd, api/v3rpc/interceptor.go: monitorLeader). */
const LEADERLESS_MS = 3_000;

/** What a member has to do with one client's call or stream: told when the member is gone. */
export interface Dealing {
  lost(failure: EtcdFailure): void;
}

/** One member: whether it can be reached, answers, has a leader, and how far it is behind. */
export class SimulatedMember {
  readonly cluster: SimulatedCluster;
  readonly index: number;
  readonly hub: WatchHub;
  readonly #random: SeededRandom;
  #running = true;
  #frozen = false;
  #isolated = false;
  #lagMs = 0;
  /** What reached it, or what it was about to do, while it was frozen. */
  #held: (() => void)[] = [];
  #whenLed: (() => void)[] = [];
  #whenApplied: { revision: bigint; then: () => void }[] = [];
  readonly #dealings = new Set<Dealing>();
  readonly #streams = new Set<Dealing>();
  #syncing = false;
  readonly #syncPhase: number;

  constructor(cluster: SimulatedCluster, index: number) {
    this.cluster = cluster;
    this.index = index;
    this.hub = new WatchHub(cluster.etcd.store);
    this.#random = cluster.random.fork(`member ${index}`);
    this.#syncPhase = this.#random.between(0, SYNC_MS);
  }

  get running(): boolean {
    return this.#running;
  }

  /** Takes part in what the cluster agrees on. */
  get connected(): boolean {
    return this.#running && !this.#frozen && !this.#isolated;
  }

  get led(): boolean {
    return this.connected && this.cluster.led;
  }

  freeze(): void {
    this.#frozen = true;
    this.cluster.changed();
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    const held = this.#held;
    this.#held = [];
    for (const work of held) this.arrive(work);
    this.#cameBack();
  }

  crash(): void {
    this.#running = false;
    this.#frozen = false;
    this.#held = [];
    this.#whenLed = [];
    this.#whenApplied = [];
    const gone = [...this.#dealings, ...this.#streams];
    this.#dealings.clear();
    this.#streams.clear();
    for (const dealing of gone) dealing.lost(new EtcdFailure("unavailable", "connection reset"));
    this.cluster.changed();
  }

  restart(): void {
    this.#running = true;
    this.#cameBack();
  }

  isolate(): void {
    this.#isolated = true;
    this.cluster.changed();
    this.leaderChanged();
  }

  rejoin(): void {
    this.#isolated = false;
    this.#cameBack();
  }

  /** From now on it applies each change so much later. */
  lag(delayMs: number): void {
    this.#lagMs = delayMs;
    if (delayMs === 0) this.follow();
  }

  /** Something that has come over the network. A member that is down does not hear it. */
  arrive(work: () => void): void {
    if (this.#frozen) this.#held.push(work);
    else if (this.#running) work();
  }

  /** Runs `work` with a leader; without one either refuses, or never answers, or does it when there is one again. */
  agree(work: () => void, refuse: (failure: EtcdFailure) => void): void {
    if (this.led) return work();
    const fate = this.#random.fraction();
    if (fate < 0.5) refuse(new EtcdFailure("unavailable", "etcdserver: no leader"));
    else if (fate < 0.75) this.whenLed(work);
  }

  whenLed(work: () => void): void {
    if (this.led) work();
    else this.#whenLed.push(work);
  }

  /** Once this member knows of `revision` itself. */
  whenApplied(revision: bigint, then: () => void): void {
    if (this.hub.applied >= revision) then();
    else this.#whenApplied.push({ revision, then });
  }

  deal(dealing: Dealing): () => void {
    this.#dealings.add(dealing);
    return () => this.#dealings.delete(dealing);
  }

  stream(dealing: Dealing): () => void {
    this.#streams.add(dealing);
    return () => this.#streams.delete(dealing);
  }

  /** The cluster has agreed on something new. */
  follow(): void {
    const { revision } = this.hub.store;
    if (this.#lagMs > 0) this.cluster.schedule.after(this.#lagMs, () => this.#apply(revision));
    else this.#apply(revision);
  }

  leaderChanged(): void {
    if (this.led) {
      const work = this.#whenLed;
      this.#whenLed = [];
      for (const each of work) each();
      return;
    }
    this.cluster.schedule.after(LEADERLESS_MS, () => {
      if (this.led || !this.#running || this.#frozen) return;
      const failure = () => new EtcdFailure("unavailable", "etcdserver: no leader");
      for (const stream of [...this.#streams]) stream.lost(failure());
    });
  }

  /** Some watch begins in the past. */
  syncSoon(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    const { now } = this.cluster.schedule;
    const turn = Math.floor((now - this.#syncPhase) / SYNC_MS) + 1;
    this.cluster.schedule.at(turn * SYNC_MS + this.#syncPhase, () => {
      this.#syncing = false;
      if (this.#running && !this.#frozen) this.hub.sync();
      if (this.hub.unsynced) this.syncSoon();
    });
  }

  #cameBack(): void {
    this.cluster.changed();
    this.#apply(this.hub.store.revision);
    this.leaderChanged();
  }

  #apply(revision: bigint): void {
    if (!this.connected) return;
    this.hub.apply(revision);
    const known = this.#whenApplied.filter((each) => each.revision <= this.hub.applied);
    this.#whenApplied = this.#whenApplied.filter((each) => each.revision > this.hub.applied);
    for (const { then } of known) then();
  }
}
