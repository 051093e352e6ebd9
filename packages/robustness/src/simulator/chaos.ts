import type { Operator } from "./checks/operator.js";
import { FAIR } from "./cluster/link.js";
import type { Fault, FaultKind } from "./faults.js";
import type { Simulation } from "./simulation.js";

/** These keep no news from anybody. */
const HARMLESS: ReadonlySet<FaultKind> = new Set(["key deleted", "lease revoked", "noise"]);
/** An election, and messages that were slow. */
const AFTERMATH_MS = 8_000;
const NO_BYTES = Buffer.alloc(0);

/** Lets faults happen to a world, and makes them good again. */
export class Chaos {
  readonly #world: Simulation;
  readonly #operator: Operator;
  #over = false;
  #noise = 0;

  constructor(world: Simulation, operator: Operator, faults: readonly Fault[]) {
    this.#world = world;
    this.#operator = operator;
    for (const fault of faults) {
      world.schedule.at(fault.at, () => {
        if (this.#over) return;
        world.history.add(`FAULT ${describe(fault)}`);
        this.#disturb(fault);
        this.#happen(fault);
      });
    }
  }

  /** Nothing goes wrong any more, and all is well again but what was killed. A client that stands still goes on by itself. */
  end(): void {
    this.#over = true;
    for (const member of this.#world.cluster.members) {
      member.thaw();
      if (!member.running) member.restart();
      member.rejoin();
      member.lag(0);
    }
    for (const { links } of this.#world.clients) {
      for (const link of links) link.weather = FAIR;
    }
  }

  #happen(fault: Fault): void {
    switch (fault.kind) {
      case "freeze member":
      case "crash member":
      case "isolate member":
      case "member lags":
        return this.#toMember(fault);
      case "leader lost":
        return this.#world.cluster.loseLeader();
      case "quorum lost":
        return this.#loseQuorum(fault.forMs);
      case "compaction":
        return this.#compact();
      case "noise":
        return this.#write();
      case "key deleted":
      case "lease revoked":
        return this.#byHand(fault);
      default:
        return this.#toClient(fault);
    }
  }

  #disturb(fault: Fault): void {
    if (HARMLESS.has(fault.kind)) return;
    const until = fault.at + ("forMs" in fault ? fault.forMs : 0) + AFTERMATH_MS;
    this.#operator.quietSince = Math.max(this.#operator.quietSince, until);
  }

  #toMember(fault: Extract<Fault, { member: number; forMs: number }>): void {
    const member = this.#world.cluster.members[fault.member];
    if (!member?.running) return;
    if (fault.kind === "freeze member") {
      member.freeze();
      this.#after(fault.forMs, () => member.thaw());
    } else if (fault.kind === "crash member") {
      member.crash();
      this.#after(fault.forMs, () => member.restart());
    } else if (fault.kind === "isolate member") {
      member.isolate();
      this.#after(fault.forMs, () => member.rejoin());
    } else if (fault.kind === "member lags") {
      member.lag(fault.lagMs);
      this.#after(fault.forMs, () => member.lag(0));
    }
  }

  #loseQuorum(forMs: number): void {
    const { members } = this.#world.cluster;
    const lost = members.slice(0, Math.ceil(members.length / 2));
    for (const member of lost) member.isolate();
    this.#after(forMs, () => {
      for (const member of lost) member.rejoin();
    });
  }

  #toClient(fault: Extract<Fault, { client: number }>): void {
    const client = this.#world.clients[fault.client];
    if (!client) return;
    const { process, links } = client;
    if (fault.kind === "client stalls") return process.stall(fault.forMs);
    if (fault.kind === "client cut off") {
      process.stall(fault.stallMs);
      // while it stood still messages came in; when it wakes nothing gets through any more
      this.#after(fault.stallMs, () => {
        for (const link of links) link.hole(fault.forMs);
      });
      return;
    }
    if (fault.kind === "client killed") {
      process.kill();
      for (const link of links) link.cut();
      return;
    }
    if (fault.kind === "streams cut") return links[fault.member]?.cut();
    if (fault.kind === "hole") return links[fault.member]?.hole(fault.forMs);
    for (const link of links) {
      const { weather } = link;
      if (fault.kind === "slow") {
        link.weather = { ...weather, slow: fault.share, slowMs: fault.slowMs };
      } else if (fault.kind === "replies lost") {
        link.weather = { ...weather, lostReplies: fault.share };
      } else {
        link.weather = { ...weather, lostRequests: fault.share };
      }
    }
    this.#after(fault.forMs, () => {
      for (const link of links) link.weather = FAIR;
    });
  }

  #compact(): void {
    const { etcd } = this.#world.cluster;
    const { revision, compacted } = etcd.store;
    if (revision > compacted) etcd.compact(revision);
  }

  #write(): void {
    const key = Buffer.from(`noise/${this.#noise++}`);
    const success = [{ put: { key, value: NO_BYTES } }];
    this.#world.cluster.etcd.txn({ compare: [], success, failure: [] });
  }

  #byHand(fault: Extract<Fault, { nth: number }>): void {
    const { etcd } = this.#world.cluster;
    if (!this.#world.cluster.led) return;
    if (fault.kind === "lease revoked") {
      const { ids } = etcd.leases;
      const lease = ids[fault.nth % Math.max(ids.length, 1)];
      if (lease === undefined) return;
      this.#operator.revokedLease(lease, this.#world.schedule.now);
      etcd.revoke(lease);
      return;
    }
    const leased = etcd.store.keys.filter((id) => (etcd.store.get(id)?.lease ?? 0n) !== 0n);
    const kv = etcd.store.get(leased[fault.nth % Math.max(leased.length, 1)] ?? "");
    if (!kv) return;
    this.#operator.deletedKey(kv.key.toString(), kv.createRevision, this.#world.schedule.now);
    const success = [{ deleteRange: { key: kv.key } }];
    etcd.txn({ compare: [], success, failure: [] });
  }

  #after(ms: number, then: () => void): void {
    this.#world.schedule.after(ms, () => {
      if (!this.#over) then();
    });
  }
}

function describe({ kind, at, ...rest }: Fault): string {
  const details = Object.entries(rest).map(
    ([name, value]) =>
      `${name} ${typeof value === "number" ? Math.round(value * 100) / 100 : value}`,
  );
  return [kind, ...details].join(", ");
}
