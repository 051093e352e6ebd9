import { type Connection, CoordinationError } from "@etcdkit/core";
import { internals, jittered, pause } from "@etcdkit/core/internal";
import { Session } from "@etcdkit/session";
import { Election } from "./election.js";
import type { LeadEvent } from "./lead-events.js";
import type { CheckedOptions } from "./lead-options.js";
import { type Outcome, serve, type Work } from "./term.js";

// the first pause leaves others time, the longest is for an etcd that is not well: calls wait for it besides
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** What passes without our doing: the next session may do better. The rest needs somebody's hand, or was our own doing. */
const PASSING: ReadonlySet<string> = new Set([
  "SESSION_EXPIRED",
  "KEY_DELETED",
  "KEY_TAKEN",
  "UNAVAILABLE",
  "REFUSED",
]);

/** One `lead()`: term after term, until it is stopped. */
export class Service {
  readonly #etcd: Connection;
  readonly #name: string;
  readonly #options: CheckedOptions;
  readonly #work: Work;
  readonly #end = new AbortController();
  #failure: { error: unknown } | undefined;
  #observing: Promise<void> | undefined;
  /** In a row. */
  #losses = 0;

  constructor(etcd: Connection, name: string, options: CheckedOptions, work: Work) {
    this.#etcd = etcd;
    this.#name = name;
    this.#options = options;
    this.#work = work;
  }

  stop(reason: unknown): void {
    this.#end.abort(reason);
  }

  async run(): Promise<void> {
    const end = this.#end.signal;
    while (!end.aborted) {
      const outcome = await this.#term();
      if (outcome.why === "failed") this.#fail(outcome.error);
      if (end.aborted) break;
      if (outcome.why === "lost") this.#losses++;
      const delayMs = this.#delayMs(this.#losses);
      if (outcome.why === "lost") this.#tell({ type: "retrying", error: outcome.error, delayMs });
      await pause(internals(this.#etcd).clock, delayMs, end);
    }
    await this.#observing;
    if (this.#failure) throw this.#failure.error;
  }

  /** A session, its candidacy, and if that is won, the work. */
  async #term(): Promise<Outcome> {
    const end = this.#end.signal;
    const { value, health, stubbornAfterMs } = this.#options;
    let session: Session | undefined;
    try {
      session = await this.#openSession();
      if (this.#options.onChange) this.#observing ??= this.#observe();
      const election = new Election(session, this.#name);
      const leadership = await election.campaign(value, { signal: end });
      this.#losses = 0;
      const { clock } = internals(this.#etcd);
      const tell = (event: LeadEvent) => this.#tell(event);
      const work = this.#work;
      return await serve({ leadership, session, work, end, tell, health, stubbornAfterMs, clock });
    } catch (error) {
      return { why: passes(error) ? "lost" : "failed", error };
    } finally {
      await session?.close();
    }
  }

  /** Its opening is given up at the end, but not the session itself: there may be work to wait for. */
  async #openSession(): Promise<Session> {
    const { ttl, safetyMarginMs } = this.#options;
    const end = this.#end.signal;
    const opening = new AbortController();
    const giveUp = () => opening.abort(end.reason);
    end.addEventListener("abort", giveUp);
    try {
      return await Session.open(this.#etcd, {
        ...(ttl !== undefined && { ttl }),
        ...(safetyMarginMs !== undefined && { safetyMarginMs }),
        signal: opening.signal,
      });
    } finally {
      end.removeEventListener("abort", giveUp);
    }
  }

  /** From the first term to the end, however often it is refused. */
  async #observe(): Promise<void> {
    const end = this.#end.signal;
    const observer = Election.observer(this.#etcd, this.#name);
    for (let refusals = 0; !end.aborted; ) {
      try {
        for await (const leader of observer.observe({ signal: end })) {
          refusals = 0;
          this.#tell({ type: "leader", leader });
        }
      } catch (error) {
        if (!passes(error)) return this.#fail(error);
        await pause(internals(this.#etcd).clock, this.#delayMs(++refusals), end);
      }
    }
  }

  /** How long to pause after so many failures in a row. */
  #delayMs(failures: number): number {
    const fullMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1), LONGEST_PAUSE_MS);
    return jittered(fullMs, internals(this.#etcd).random);
  }

  #tell(event: LeadEvent): void {
    try {
      this.#options.onChange?.(event);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    // what comes of ending is no failure
    if (this.#end.signal.aborted) return;
    this.#failure = { error };
    this.#end.abort(error);
  }
}

function passes(error: unknown): boolean {
  return error instanceof CoordinationError && PASSING.has(error.code);
}
