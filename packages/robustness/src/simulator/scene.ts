import { CoordinationError } from "@etcdkit/core";
import type { EtcdConnection, Lease } from "@etcdkit/core/internal";
import { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import type { Inside } from "./checks/barriers.js";
import type { Holdings } from "./checks/holdings.js";
import type { Operator } from "./checks/operator.js";
import { checkClosed } from "./checks/sessions.js";
import type { Violations } from "./checks/violations.js";
import type { SimulatedClient } from "./client.js";
import type { ActorPlan } from "./plan.js";
import { SeededRandom } from "./seeded-random.js";
import type { Simulation } from "./simulation.js";

/** What all actors of a run share. */
export interface Stage {
  readonly world: Simulation;
  readonly violations: Violations;
  readonly operator: Operator;
  readonly holdings: Holdings;
  /** By double barrier: who is in it, and has not asked to leave. */
  readonly inside: Map<string, Set<Inside>>;
  /** Faults are over: everybody finishes what it does. */
  ending: boolean;
  /** Called when that begins. */
  readonly endings: Set<() => void>;
  /** Called when everything has been quiet for long. */
  readonly lastLooks: Set<() => void>;
}

/** What passes without anybody's doing wrong, in a world with faults. */
const PASSING: ReadonlySet<string> = new Set(["SESSION_EXPIRED", "SESSION_CLOSED", "UNAVAILABLE"]);

const CANCELLED = new Error("cancelled by the actor");

/** What one actor has to work with. */
export class Scene {
  readonly stage: Stage;
  readonly plan: ActorPlan;
  readonly client: SimulatedClient;
  readonly random: SeededRandom;
  /** What it waits for, to be told of if that never comes. */
  doing = "nothing";
  #session: Session | undefined;

  constructor(stage: Stage, plan: ActorPlan) {
    const client = stage.world.clients[plan.client];
    if (!client) throw new Error(`no client ${plan.client}`);
    this.stage = stage;
    this.plan = plan;
    this.client = client;
    this.random = new SeededRandom(plan.seed);
  }

  /** Of the session it has by now. */
  get lease(): Lease | undefined {
    return this.#session && leaseOf(this.#session);
  }

  get connection(): EtcdConnection {
    return this.client.connection;
  }

  get name(): string {
    return this.plan.name;
  }

  get ending(): boolean {
    return this.stage.ending;
  }

  get revision(): bigint {
    return this.stage.world.cluster.etcd.store.revision;
  }

  note(line: string): void {
    this.stage.world.history.add(`${this.client.process.name} ${line}`);
  }

  pause(least: number, most: number): Promise<void> {
    return this.client.process.sleep(this.random.between(least, most));
  }

  /** Aborts after a while; undefined: never. */
  cancellation(share: number, mostMs: number): AbortSignal | undefined {
    if (!this.random.chance(share)) return undefined;
    const controller = new AbortController();
    const afterMs = this.random.between(0, mostMs);
    this.client.process.clock.setTimer(afterMs, () => controller.abort(CANCELLED));
    return controller.signal;
  }

  /** The session it has, or another where that is lost. */
  async session(): Promise<Session> {
    while (!this.#session || this.#session.signal.aborted || this.#session.state === "expired") {
      const ttl = this.random.pick([2, 3, 5, 8]);
      this.#session = await this.attempt("open a session", () =>
        Session.open(this.connection, { ttl }),
      );
    }
    return this.#session;
  }

  async close(session: Session): Promise<void> {
    const lease = leaseOf(session);
    const lost = lease.signal.aborted;
    await this.attempt("close the session", () => session.close());
    if (!lost) checkClosed(this.stage.world, lease, this.stage.violations);
  }

  /** What `work` gives; undefined where it failed for a reason that may be. */
  async attempt<T>(
    doing: string,
    work: () => Promise<T>,
    also: string[] = [],
  ): Promise<T | undefined> {
    this.doing = doing;
    try {
      return await work();
    } catch (error) {
      this.#judge(doing, error, also);
      await this.pause(1, 200);
      return undefined;
    } finally {
      this.doing = "nothing";
    }
  }

  #judge(doing: string, error: unknown, also: string[]): void {
    if (error === CANCELLED) return;
    const code = error instanceof CoordinationError ? String(error.code) : undefined;
    this.note(`failed to ${doing}: ${code ?? error}`);
    if (code !== undefined && (PASSING.has(code) || also.includes(code))) return;
    if (code === "KEY_DELETED" && !this.stage.operator.idle) return;
    this.stage.violations.add(`${this.plan.kind}: to ${doing} failed with ${code ?? error}`);
  }
}
