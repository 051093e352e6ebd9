import type { Session } from "@etcdkit/session";
import type { Leadership } from "./leadership.js";

interface Term {
  leadership: Leadership;
  session: Session;
}

/**
 * Whether this process is fit to live on, for the health check of an orchestrator: give it to `lead()`, once or more. Unhealthy
 * only while work of a leader goes on though the session cannot be renewed or the leadership is lost: a candidate that waits, or
 * cannot reach etcd, is healthy (as client-go's leader election adaptor has it).
 */
export class LeaderHealth {
  readonly #terms = new Set<Term>();

  /** Reads the clock. */
  get healthy(): boolean {
    return this.problem === undefined;
  }

  /** Why it is not healthy, for people; undefined while it is. */
  get problem(): string | undefined {
    for (const { leadership, session } of this.#terms) {
      const { name } = leadership;
      if (!leadership.held) return `election ${name}: the leadership is lost, its work goes on`;
      if (session.state === "suspended") {
        const leftMs = Math.round(session.remainingMs);
        return `election ${name}: we lead, but cannot renew the session; ${leftMs} ms are left`;
      }
    }
    return undefined;
  }

  /** The work of this term goes on until the returned function is called. @internal */
  watch(leadership: Leadership, session: Session): () => void {
    const term = { leadership, session };
    this.#terms.add(term);
    return () => this.#terms.delete(term);
  }
}
