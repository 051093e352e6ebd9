import type { Holding } from "@etcdkit/core";
import { type Lease, underPrefix } from "@etcdkit/core/internal";
import type { SimulatedClient } from "../client.js";
import { idOf } from "../etcd/key-range.js";
import type { Simulation } from "../simulation.js";
import { believed } from "./belief.js";
import type { Operator } from "./operator.js";
import type { Violations } from "./violations.js";

/** Alone, or beside others who share. */
export type Share = "alone" | "shared";

/** What is looked at of a holding. */
type Claim = Pick<Holding, "name" | "key" | "fencingToken" | "held" | "signal">;

const TOLD_MS = 1_500;

/** Which key a token is of. */
interface Token {
  readonly token: bigint;
  readonly key: string;
}

interface Held {
  readonly client: SimulatedClient;
  readonly lease: Lease;
  readonly holding: Claim;
  readonly share: Share;
  readonly since: number;
  /** Of the store, when it was last found right. */
  checkedAt: bigint;
}

/** Who believes to hold holds by etcd's word too: its key stands there, and before it nobody who is in the way. */
export class Holdings {
  readonly #world: Simulation;
  readonly #operator: Operator;
  readonly #violations: Violations;
  readonly #held = new Set<Held>();
  /** By name: the greatest token told of, and the greatest of those who hold alone. */
  readonly #tokens = new Map<string, { any?: Token; alone?: Token }>();
  #won = 0;

  constructor(world: Simulation, operator: Operator, violations: Violations) {
    this.#world = world;
    this.#operator = operator;
    this.#violations = violations;
  }

  get won(): number {
    return this.#won;
  }

  /** To be called as soon as a call has resolved with `holding`. Returns what is to be called when it is given up. */
  add(client: SimulatedClient, lease: Lease, holding: Claim, share: Share): () => void {
    this.#won++;
    const since = this.#world.schedule.now;
    const held: Held = { client, lease, holding, share, since, checkedAt: 0n };
    const { name, key, fencingToken } = holding;
    this.#world.history.add(`${client.process.name} holds ${key} by ${fencingToken}`);
    if (!this.#touched(held)) {
      if (!holding.held) this.#violations.add(`told to hold ${name} by a lost session or key`);
      this.#checkToken(held);
    }
    this.#held.add(held);
    this.#check(held);
    return () => {
      this.#held.delete(held);
      this.#world.history.add(`${client.process.name} gives up ${key} by ${fencingToken}`);
    };
  }

  /** Whether somebody was told that it holds by this key, and has not given it up. */
  has(key: string, token: bigint): boolean {
    for (const { holding } of this.#held) {
      if (holding.key === key && holding.fencingToken === token) return true;
    }
    return false;
  }

  /** After every step. */
  check(): void {
    for (const held of this.#held) {
      if (held.client.process.awake) this.#check(held);
    }
  }

  #checkToken({ holding, share }: Held): void {
    const { name, key, fencingToken: token } = holding;
    const told = this.#tokens.get(name) ?? {};
    const least = share === "alone" ? told.any : told.alone;
    // the same key may be held again: by another campaign, a downgrade, a process that adopts the lease
    const again = token === least?.token && key === least.key;
    if (least && token <= least.token && !again) {
      this.#violations.add(`token ${token} of ${key} after ${least.token} of ${least.key}`);
    }
    const own = { token, key };
    if (token > (told.any?.token ?? 0n)) told.any = own;
    if (share === "alone" && token > (told.alone?.token ?? 0n)) told.alone = own;
    this.#tokens.set(name, told);
  }

  #check(held: Held): void {
    const { store } = this.#world.cluster.etcd;
    if (this.#touched(held)) return this.#checkTold(held);
    if (held.checkedAt === store.revision || !this.#believed(held)) return;
    held.checkedAt = store.revision;
    const { name, key, fencingToken } = held.holding;
    const own = store.get(idOf(Buffer.from(key)));
    if (own?.createRevision !== fencingToken) {
      this.#violations.add(`${held.client.process.name} believes to hold ${key}, which is gone`);
      return;
    }
    const readers = `${name}/read/`;
    const first = store
      .within(underPrefix(`${name}/`))
      .filter((kv) => held.share === "alone" || !kv.key.toString().startsWith(readers))
      .find((kv) => kv.createRevision <= fencingToken && kv !== own);
    if (!first) return;
    this.#violations.add(`${held.client.process.name} believes to hold ${key} behind ${first.key}`);
  }

  /** A deleted key is heard of within a second, where nothing keeps the news away. */
  #checkTold(held: Held): void {
    const { key, fencingToken } = held.holding;
    const tellable = this.#operator.tellableKey(key, fencingToken);
    const since = Math.max(tellable ?? Infinity, held.client.process.awakeSince, held.since);
    if (this.#world.schedule.now < since + TOLD_MS || !this.#believed(held)) return;
    this.#violations.add(`the holder of ${key} was not told that it was deleted`);
  }

  #believed({ holding, lease }: Held): boolean {
    return !holding.signal.aborted && believed(lease);
  }

  #touched({ holding: { key, fencingToken }, lease }: Held): boolean {
    return this.#operator.touched(key, fencingToken, lease.id);
  }
}
