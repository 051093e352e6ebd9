import type { Contender } from "@etcdkit/core";
import {
  checkOptions,
  checkSignal,
  type EtcdConnection,
  promptly,
  underPrefix,
} from "@etcdkit/core/internal";
import { electionLine } from "./election-line.js";
import { type Leader, toLeader } from "./leader.js";
import { leaderChanges } from "./leader-changes.js";

export interface ObserveOptions {
  /** Ends the iteration, quietly. */
  signal?: AbortSignal | undefined;
}

/** An election seen from outside. */
export class ElectionObserver {
  readonly name: string;
  readonly #connection: EtcdConnection;

  /** @internal use `Election.observer` */
  constructor(connection: EtcdConnection, name: string) {
    this.#connection = connection;
    this.name = name;
  }

  /**
   * Who leads now, by etcd's word; undefined: nobody.
   *
   * @throws CoordinationError `UNAVAILABLE` when no member answers within 10 s, `PERMISSION_DENIED`, `UNAUTHENTICATED`,
   *   `REFUSED`, `CONNECTION_CLOSED`
   */
  async leader(): Promise<Leader | undefined> {
    const sort = { by: "create", order: "ascend" } as const;
    const first = { ...underPrefix(`${this.name}/`), limit: 1, sort };
    const patience = promptly(this.#connection.clock, `election ${this.name}`);
    const { kvs } = await this.#connection.call((etcd, call) => etcd.range(first, call), patience);
    return kvs[0] && toLeader(kvs[0]);
  }

  /**
   * The leader now, then each change, in order, without loss or repeat whatever happens to connections and members: another
   * leader, none (undefined), or something new proclaimed, be it the same value once more. Only where etcd compacted its
   * history while it could not be reached, the changes in between come as one. What is not read yet is kept: whoever may fall
   * behind for long should read `leader()` instead. The watch begins with the iteration and ends with it.
   *
   * @throws TypeError if `signal` is no AbortSignal; while iterating, CoordinationError `CONNECTION_CLOSED`,
   *   `PERMISSION_DENIED`, `UNAUTHENTICATED`, `REFUSED`; an outage is no error
   */
  observe(options: ObserveOptions = {}): AsyncIterable<Leader | undefined> {
    checkOptions(options);
    const { signal } = options;
    checkSignal(signal);
    return {
      [Symbol.asyncIterator]: () => leaderChanges(this.#connection, this.name, signal),
    };
  }

  /** All candidates, in order: the first leads. Throws as `leader()` does. */
  contenders(): Promise<Contender[]> {
    return electionLine(this.#connection, this.name).contenders();
  }
}
