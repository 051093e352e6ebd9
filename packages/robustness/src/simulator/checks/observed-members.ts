import { underPrefix } from "@etcdkit/core/internal";
import type { Died, Left, MemberEvent } from "@etcdkit/liveness";
import { covers, intervalOf } from "../etcd/key-range.js";
import type { Simulation } from "../simulation.js";
import type { Violations } from "./violations.js";

/** What one observer of a group is told, against the history of its keys: after each event its picture is what etcd had then. */
export class ObservedMembers {
  readonly #world: Simulation;
  readonly #prefix: string;
  readonly #what: string;
  readonly #violations: Violations;
  /** By id, its mod revision: as told, and as it was at the revision that was told last. */
  readonly #told = new Map<string, bigint>();
  readonly #true = new Map<string, bigint>();
  #at = 0n;
  /** What was told before that. */
  #before = 0n;
  #begun = false;
  /** Who was told of at the last revision. */
  readonly #toldAt = new Set<string>();
  /** Incarnations that left. */
  readonly #gone = new Set<string>();
  readonly #suspected = new Set<string>();

  constructor(world: Simulation, group: string, violations: Violations) {
    this.#world = world;
    this.#prefix = `${group}/members/`;
    this.#what = `an observer of group ${group}`;
    this.#violations = violations;
  }

  event(event: MemberEvent): void {
    if (!("id" in event)) return;
    this.#world.history.add(`observed ${this.#prefix} ${event.type} ${event.id}`);
    if (!("revision" in event)) return this.#suspicion(event.type, event.id);
    const { revision, id, member } = event;
    if (revision !== this.#at) this.#goOnTo(revision);
    if (this.#toldAt.has(`${event.type} ${id}`))
      this.#violations.add(`${this.#what} was told of ${id} twice`);
    this.#toldAt.add(`${event.type} ${id}`);
    const known = this.#told.has(id);
    if (event.type === "joined" ? known : !known) {
      this.#violations.add(`${this.#what} was told ${event.type} of ${id} out of turn`);
    }
    if (event.type === "joined" || event.type === "updated") {
      this.#told.set(id, member.modRevision);
      if (this.#gone.has(member.incarnation)) {
        this.#violations.add(`${this.#what} saw ${id} come back after it had left`);
      }
    } else {
      this.#told.delete(id);
      if (event.type === "left") this.#gone.add(member.incarnation);
      this.#suspected.delete(id);
      this.#checkGoodbye(event);
    }
  }

  /** When all is calm, its picture is what etcd has. */
  checkUpToDate(): void {
    this.#compare();
    this.#readTo(this.#world.cluster.etcd.store.revision);
    this.#compare();
  }

  #suspicion(type: string, id: string): void {
    const known = this.#told.has(id);
    const fits = type === "suspected" ? !this.#suspected.has(id) : this.#suspected.has(id);
    if (!known || !fits)
      this.#violations.add(`${this.#what} was told ${type} of ${id} out of turn`);
    if (type === "suspected") this.#suspected.add(id);
    else this.#suspected.delete(id);
  }

  /** All of the revision before was told; what lay between them changed nothing, unless history was compacted. */
  #goOnTo(revision: bigint): void {
    if (revision < this.#at) this.#violations.add(`${this.#what} was told of the past`);
    this.#compare();
    const resumable = this.#at >= this.#world.cluster.etcd.store.compacted;
    const missed = this.#readTo(revision - 1n);
    if (this.#begun && resumable && missed > 0) {
      this.#violations.add(`${this.#what} missed a change`);
    }
    this.#readTo(revision);
    this.#begun = true;
    this.#toldAt.clear();
    this.#before = this.#at;
    this.#at = revision;
  }

  #compare(): void {
    if (!this.#begun) return;
    const same =
      this.#told.size === this.#true.size &&
      [...this.#told].every(([id, revision]) => this.#true.get(id) === revision);
    if (!same) this.#violations.add(`${this.#what} sees others than etcd has`);
  }

  /** A goodbye was said since what was told before; a death that was witnessed had none. */
  #checkGoodbye(event: Left | Died): void {
    const { type, id, revision } = event;
    const goodbye = `${this.#prefix}${id}/left/`;
    const { store } = this.#world.cluster.etcd;
    const saidAt = (at: bigint) =>
      store.at(at).some(({ type, kv }) => type === "put" && kv.key.toString().startsWith(goodbye));
    let said = saidAt(revision);
    if (type === "left") {
      for (let at = this.#before + 1n; at < revision && !said; at++) said = saidAt(at);
    } else if (!event.witnessed) return;
    if (said !== (type === "left")) {
      this.#violations.add(`${this.#what} was told that ${id} ${type}, which it did not`);
    }
  }

  #readFrom = 1n;

  /** How many times members changed on the way. */
  #readTo(revision: bigint): number {
    const { store } = this.#world.cluster.etcd;
    const range = intervalOf(underPrefix(this.#prefix));
    let changes = 0;
    for (; this.#readFrom <= revision; this.#readFrom++) {
      for (const { type, kv } of store.at(this.#readFrom)) {
        const id = kv.key.toString("latin1");
        if (!covers(range, id)) continue;
        const member = id.slice(this.#prefix.length);
        if (member.includes("/")) continue;
        changes++;
        if (type === "put") this.#true.set(member, kv.modRevision);
        else this.#true.delete(member);
      }
    }
    return changes;
  }
}
