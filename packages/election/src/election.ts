import { type Connection, type Contender, CoordinationError } from "@etcdkit/core";
import {
  checkName,
  checkOptions,
  checkSignal,
  internals,
  type Lease,
  unlessAborted,
} from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import { leaseOf } from "@etcdkit/session/internal";
import { Bid } from "./bid.js";
import { electionLine } from "./election-line.js";
import type { Leader } from "./leader.js";
import type { Leadership } from "./leadership.js";
import { ElectionObserver, type ObserveOptions } from "./observer.js";
import { toProposal } from "./proposal.js";

export interface CampaignOptions {
  /** Cancels this call: it rejects at once with the signal's reason, and where no other call of the session waits, its key goes. */
  signal?: AbortSignal | undefined;
}

/**
 * An election across processes and machines, in one line with Go's `concurrency.Election` and `etcdctl elect`: who campaigned
 * first leads. A session has one key in it, whichever `Election` object is used.
 */
export class Election {
  readonly name: string;
  readonly #lease: Lease;
  readonly #observer: ElectionObserver;

  /** @throws TypeError if `session` is no Session, or `name` is empty, has a NUL or is not well-formed text */
  constructor(session: Session, name: string) {
    this.#lease = leaseOf(session);
    checkName(name, "the name of an election");
    this.name = name;
    this.#observer = new ElectionObserver(this.#lease.connection, name);
  }

  /**
   * Looks at an election without taking part in it: no session is needed.
   *
   * @throws TypeError if `etcd` is no Connection, or for a bad name
   */
  static observer(etcd: Connection, name: string): ElectionObserver {
    const connection = internals(etcd);
    checkName(name, "the name of an election");
    return new ElectionObserver(connection, name);
  }

  /**
   * Waits until this session leads, proposing `value`, which all can see already while it waits. Where the session leads, `value`
   * is proclaimed and the same leadership returned; where it waits, the newest value is what it proposes, and all calls return
   * the one leadership. A session adopted by its lease finds its candidacy again.
   *
   * @throws the reason of `signal`; SessionExpiredError or SessionClosedError when the session ends first; KeyDeletedError when
   *   somebody deletes our key in the meantime; CoordinationError when etcd refuses, or `KEY_TAKEN` when another lease has the key
   *   that should be ours. None of these leaves a key of ours behind, unless the session led before, or another call waits.
   */
  async campaign(value: string | Buffer, options: CampaignOptions = {}): Promise<Leadership> {
    const proposal = toProposal(value);
    checkOptions(options);
    const { signal } = options;
    checkSignal(signal);
    for (;;) {
      signal?.throwIfAborted();
      const lost = this.#lease.lossReason;
      if (lost) throw lost;
      const present = Bid.present(this.#lease, this.name);
      if (present?.over) {
        // it has the one key until that is deleted
        await unlessAborted(present.gone, signal);
        continue;
      }
      const bid = present ?? new Bid(this.#lease, this.#line, proposal);
      try {
        return await bid.join(proposal, signal);
      } catch (error) {
        if (!(error instanceof CoordinationError)) throw error;
        // another call resigned while this one proclaimed
        const resigned = error.code === "RELEASED";
        // another call's value was refused, and this one's never got to etcd
        const notOurs = error.code === "REFUSED" && bid === present && !bid.enrolled;
        if (!resigned && !notOurs) throw error;
      }
    }
  }

  /** Who leads now, by etcd's word; undefined: nobody. Throws as `ElectionObserver.leader` does. */
  leader(): Promise<Leader | undefined> {
    return this.#observer.leader();
  }

  /** See `ElectionObserver.observe`. */
  observe(options: ObserveOptions = {}): AsyncIterable<Leader | undefined> {
    return this.#observer.observe(options);
  }

  /** All candidates, in order: the first leads. Throws as `leader()` does. */
  contenders(): Promise<Contender[]> {
    return this.#observer.contenders();
  }

  get #line() {
    return electionLine(this.#lease.connection, this.name);
  }
}
