import {
  abortController,
  closedError,
  type EtcdConnection,
  type KeyValue,
  type Lease,
  type Patience,
  promptly,
  unlessAborted,
} from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import { Backoff } from "./backoff.js";
import { encodeEntry, type MemberInfo, readEntry } from "./entry.js";
import { isConnectionClosed, MembershipError, whereabouts } from "./errors.js";
import { machineFacts } from "./facts.js";
import { Hurry } from "./hurry.js";
import type { Layout } from "./layout.js";
import type { JsonObject } from "./metadata.js";
import { openSession } from "./open-session.js";
import { OwnKey } from "./own-key.js";
import { Turnstile } from "./turnstile.js";
import { Updates } from "./updates.js";

export interface Application {
  id: string;
  metadata: JsonObject;
  ttl: number;
  takeOver: boolean;
  signal: AbortSignal | undefined;
}

/**
 * The entry of one member, kept in etcd as it should be: what should stand there and what does are compared at each change of
 * either, and made equal. So it comes back after whatever happened, with the latest metadata.
 */
export class Registration {
  readonly id: string;
  readonly incarnation: string;
  readonly what: string;
  readonly #connection: EtcdConnection;
  readonly #ttl: number;
  readonly #facts = machineFacts();
  readonly #key: OwnKey;
  readonly #backoff: Backoff;
  readonly #ended = abortController();
  #end: "left" | "replaced" | undefined;
  #session: Session | undefined;
  #lease: Lease | undefined;
  #wanted: Buffer;
  readonly #updates: Updates;
  /** Who was seen to have the id after us: that it has left meanwhile brings nobody back. */
  #successor: MemberInfo | undefined;
  #awake = false;
  #wakeUp: () => void = () => undefined;
  #keeping: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;
  #forgetConnection: () => void = () => undefined;

  private constructor(
    connection: EtcdConnection,
    layout: Layout,
    { id, metadata, ttl }: Application,
  ) {
    this.id = id;
    this.what = `member ${id} of ${layout.what}`;
    this.incarnation = connection.random.bytes(16).toString("hex");
    this.#connection = connection;
    this.#ttl = ttl;
    this.#key = new OwnKey(connection, layout, this);
    this.#updates = new Updates(connection.clock, this.what);
    this.#backoff = new Backoff(connection);
    this.#wanted = this.#encode(metadata);
  }

  static async enter(
    connection: EtcdConnection,
    layout: Layout,
    application: Application,
  ): Promise<Registration> {
    const registration = new Registration(connection, layout, application);
    await registration.#join(application);
    return registration;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get state() {
    if (this.#end) return this.#end;
    if (!this.#present) return "lost";
    return this.#session?.state === "suspended" ? "suspended" : "joined";
  }

  /** Resolves when the entry has this metadata or newer. */
  update(metadata: JsonObject): Promise<void> {
    if (this.#end) return Promise.reject(this.signal.reason);
    this.#wanted = this.#encode(metadata);
    const written = this.#updates.next();
    this.#wake();
    return written;
  }

  leave(reason: string): Promise<void> {
    if (this.#leaving) return this.#leaving;
    if (this.#end) return Promise.resolve();
    // before anybody is told: whoever leaves then waits for the same
    this.#leaving = Promise.resolve().then(() => this.#leave());
    this.#finish("left", new MembershipError("LEFT", `${this.what}: ${reason}`));
    return this.#leaving;
  }

  /** An entry of ours stands there, on a lease that lives. */
  get #present(): boolean {
    const lease = this.#lease;
    return lease?.alive === true && this.#key.kv?.lease === lease.id;
  }

  /** And it says what it should. */
  get #asWanted(): boolean {
    return this.#present && this.#key.kv?.value.equals(this.#wanted) === true;
  }

  async #join({ takeOver, signal }: Application): Promise<void> {
    const turnstile = Turnstile.of(this.#connection);
    const answeredAt = () => turnstile.answeredAt;
    const hurry = new Hurry(this.#connection.clock, { what: this.what, signal, answeredAt });
    this.#forgetConnection = this.#connection.beforeClose(() => {
      hurry.giveUp(closedError());
      return this.leave("the connection to etcd was closed");
    });
    const enter = () => this.#enter(takeOver, hurry.signal);
    const entering = turnstile.pass(enter, hurry.signal);
    this.#keeping = entering.catch(() => undefined);
    try {
      await unlessAborted(entering, hurry.signal);
    } catch (error) {
      // what is still under way may have been written, or be yet
      this.#connection.background(this.leave("it did not join"));
      throw error;
    } finally {
      hurry.over();
    }
    // one batch may have who came and went
    this.#key.watch(() => this.#notice());
    this.#keeping = this.#untilEnd();
  }

  async #enter(takeOver: boolean, signal: AbortSignal): Promise<void> {
    const patience = promptly(this.#connection.clock, this.what, signal);
    while (!this.#asWanted) {
      signal.throwIfAborted();
      this.signal.throwIfAborted();
      const late = patience.over?.();
      if (late) throw late;
      if (!this.#lease?.alive) await this.#open(signal);
      const { kv, owner } = this.#key;
      if (kv && owner?.incarnation !== this.incarnation && !takeOver) {
        const told = `${this.what}: the id is taken by ${whereabouts(owner)}; takeOver: true replaces it`;
        throw new MembershipError("ID_TAKEN", told, owner);
      }
      await this.#write(patience).catch((error: unknown) => {
        // one lost before it was of use, by a process that stood still say, is opened anew
        if (this.#lease?.alive !== false || this.#session?.state === "closed") throw error;
      });
    }
  }

  async #untilEnd(): Promise<void> {
    let smooth = true;
    while (!this.#end) {
      const successor = this.#successor;
      if (successor) {
        const told = `${this.what}: the id was taken over by ${whereabouts(successor)}`;
        this.#finish("replaced", new MembershipError("TAKEN_OVER", told, successor));
        this.#forgetConnection();
        this.#connection.background(this.#session?.close() ?? Promise.resolve());
        return;
      }
      if (this.#asWanted) {
        this.#updates.written();
        await this.#woken();
        continue;
      }
      try {
        const mend = () => this.#mend();
        // an update is no repair, and waits for nothing
        const update: boolean = this.#present && smooth;
        smooth = await (update ? mend() : this.#backoff.attempt(this.signal, mend));
      } catch (error) {
        smooth = false;
        if (isConnectionClosed(error)) void this.leave("the connection to etcd was closed");
        // a lost session is opened anew; what etcd refuses, whoever waits for it should know
        if (this.#lease?.alive) this.#updates.failed(error);
      }
    }
  }

  /** False if it was not to be. */
  #mend(): Promise<boolean> {
    return Turnstile.of(this.#connection).pass(async () => {
      if (!this.#lease?.alive) await this.#open(this.signal);
      // heard of while the session was opened: an entry that stands is not written over
      if (this.#successor) return false;
      const written = await this.#write(promptly(this.#connection.clock, this.what, this.signal));
      this.#notice();
      return written;
    }, this.signal);
  }

  async #write(patience: Patience): Promise<boolean> {
    if (!this.#lease) return false;
    const put = await this.#key.put(this.#lease, this.#wanted, patience);
    // whoever said it may do so, and observers have been told: it is not taken back
    if (put === "left") void this.leave("somebody else said its goodbye");
    return put === "written";
  }

  async #open(signal: AbortSignal): Promise<void> {
    this.#session = await openSession(this.#connection, this.#ttl, signal);
    this.#lease = leaseOf(this.#session);
    this.#session.signal.addEventListener("abort", () => this.#wake());
  }

  async #leave(): Promise<void> {
    await this.#keeping;
    const lease = this.#lease;
    const said = lease ? await this.#sayGoodbye(lease).catch(() => false) : false;
    // the goodbye stays until the lease runs out, for observers that were cut off
    if (said) this.#session?.orphan();
    else await this.#session?.close();
    this.#forgetConnection();
  }

  /** Until the lease has run out in etcd, and with it whatever would have been to delete. */
  #sayGoodbye(lease: Lease): Promise<boolean> {
    const { clock } = this.#connection;
    const { at, marginMs } = lease.deadline;
    const over = () => (clock.now() < at + marginMs ? undefined : new Error("the lease ran out"));
    const ours = (kv: KeyValue) => readEntry(this.id, kv)?.incarnation === this.incarnation;
    return this.#key.leave(lease, ours, { what: this.what, over });
  }

  #finish(end: "left" | "replaced", reason: MembershipError): void {
    this.#end = end;
    this.#key.close();
    this.#updates.failed(reason);
    this.#ended.abort(reason);
    this.#wake();
  }

  #notice(): void {
    const { owner } = this.#key;
    if (owner && owner.incarnation !== this.incarnation) this.#successor = owner;
    this.#wake();
  }

  #wake(): void {
    this.#awake = true;
    this.#wakeUp();
  }

  async #woken(): Promise<void> {
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
    }
    this.#awake = false;
  }

  #encode(metadata: JsonObject): Buffer {
    const { id, incarnation } = this;
    return encodeEntry({ id, incarnation, metadata, facts: this.#facts });
  }
}
