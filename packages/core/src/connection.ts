import type { Etcd3, IOptions, Namespace } from "etcd3";
import { batched } from "./batch.js";
import { type Clock, SystemClock } from "./clock.js";
import { ofAnotherCopy, SessionClosedError } from "./errors.js";
import type { Etcd } from "./etcd.js";
import { openMember, optionsOf, userClient } from "./etcd3.js";
import { History } from "./history.js";
import { KeepAlive } from "./keepalive.js";
import { describe } from "./keys.js";
import type { Lease } from "./lease.js";
import { limited } from "./limited.js";
import { Lines } from "./lines.js";
import { closedError, Members, type Operation, type Patience } from "./members.js";
import { namespaced } from "./namespace.js";
import { type Random, systemRandom } from "./random.js";
import { Watches } from "./watch.js";

/** etcd3's own options, and a namespace. */
export interface ConnectOptions extends IOptions {
  /** Confines every key of this connection, those of `client` included: it is put before each. Default: none. */
  namespace?: string | undefined;
  /**
   * Whether writes of different names that are asked for at the same time travel as one etcd transaction (group commit).
   * Each still has its own answer. Where etcd has roles but does not check them in nested transactions (GHSA-rfx7-8w68-q57q; 3.5.16
   * does not, 3.5.30 does), it lets through in company what it refuses alone. Default true.
   */
  groupCommit?: boolean | undefined;
}

/** What sessions, locks and the like share: the members of one etcd cluster, one lease stream, one watch stream. */
export interface Connection extends AsyncDisposable {
  /**
   * For your own reads and writes; within the namespace, where one was given. An attempt, of which etcd3 makes up to four, has a
   * deadline of 2 s where you set none, but for compactions and maintenance; an `Etcd3` of your own is as you made it.
   */
  readonly client: Etcd3 | Namespace;
  /**
   * Ends what is open on this connection as if each had been closed, its streams, timers and sockets; a call of `client` that is under
   * way ends by the deadline of its attempt. A session that is being opened is refused with `CONNECTION_CLOSED`, and leaves no lease.
   * Idempotent, never throws, takes no longer than the sessions' leases would have lived, or the few seconds that a session being
   * opened takes to be undone.
   */
  close(): Promise<void>;
}

/**
 * Connects lazily: nothing is sent before the first use. An `Etcd3` of your own lends its options (hosts, credentials, auth);
 * core's calls go through clients of its own, one a member, without etcd3's breaker and retries, and yours stays open.
 *
 * @throws TypeError if the options name no host, or are no options and no `Etcd3`
 */
export function connect(options: ConnectOptions | Etcd3): Connection {
  return openConnection(options, new SystemClock());
}

/** `connect` on a clock of the caller's. */
export function openConnection(given: ConnectOptions | Etcd3, clock: Clock): EtcdConnection {
  const borrowed = optionsOf(given);
  const {
    namespace = "",
    groupCommit = true,
    ...options
  }: ConnectOptions = borrowed ?? checkOptions(given);
  const hosts = checkHosts(options.hosts);
  const own = borrowed ? undefined : userClient(options);
  const root = own ?? (given as Etcd3);
  const members = hosts.map((host) => {
    const member = limited(openMember(options, host));
    const confined = namespace ? namespaced(member, namespace) : member;
    return groupCommit ? batched(confined) : confined;
  });
  const client = namespace ? root.namespace(namespace) : root;
  return new EtcdConnection(client, members, clock, systemRandom, () => own?.close());
}

const brand = Symbol.for("etcdkit.Connection");

export class EtcdConnection implements Connection {
  readonly members: Members;
  readonly keepAlive: KeepAlive;
  readonly watches: Watches;
  readonly leases = new Set<Lease>();
  readonly lines: Lines;
  readonly [brand] = true;
  readonly #background = new Set<Promise<unknown>>();
  readonly #endings = new Set<() => Promise<unknown>>();
  #closing = false;
  #closed: Promise<void> | undefined;

  constructor(
    readonly client: Etcd3 | Namespace,
    members: Etcd[],
    readonly clock: Clock,
    readonly random: Random,
    readonly closeClient: () => void,
  ) {
    const history = new History(() => this.#wentBack());
    const followed = members.map((member) => history.follow(member));
    this.members = new Members(followed, clock, random);
    this.keepAlive = new KeepAlive(this.members, clock);
    this.watches = new Watches(this.members, clock, random, history);
    this.lines = new Lines(this);
  }

  /** `close()` was called: whatever is begun now is refused, or ends with it. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Throws `CONNECTION_CLOSED` once the connection is closing: for what would have to be ended, a lease. */
  checkOpen(): void {
    if (this.#closing) throw closedError();
  }

  /** One call, as `Members.call` makes it. */
  call<T>(operation: Operation<T>, patience: Patience): Promise<T> {
    return this.members.call(operation, patience);
  }

  /** Work that nobody waits for but `close()`: the cleaning up after a cancelled call. Its errors are not told. */
  background(work: Promise<unknown>): void {
    const done = () => this.#background.delete(work);
    this.#background.add(work);
    work.then(done, done);
  }

  /**
   * Runs `ending` once, when the connection closes, before its leases are revoked: what has more to say to etcd than that, a member
   * its goodbye. Its errors are not told. Returns what takes it back.
   */
  beforeClose(ending: () => Promise<unknown>): () => void {
    this.#endings.add(ending);
    return () => this.#endings.delete(ending);
  }

  close(): Promise<void> {
    this.#closing = true;
    // only then, so that whoever is told of it, and closes too, waits for this and begins no other
    this.#closed ??= Promise.resolve().then(() => this.#close());
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What etcd keeps of our sessions is of a moment long past: keys made since are gone, those deleted since are there again. */
  #wentBack(): void {
    this.watches.startOver();
    for (const lease of [...this.leases]) lease.wentBack();
  }

  async #close(): Promise<void> {
    const reason = new SessionClosedError("the connection to etcd was closed");
    // what was under way may leave something more to end. No lease is new by now, and everything ends with those there are
    while (this.#endings.size + this.leases.size + this.#background.size > 0) {
      const endings = [...this.#endings];
      this.#endings.clear();
      await Promise.allSettled(endings.map((ending) => ending()));
      await Promise.all([...this.leases].map((lease) => lease.close(reason)));
      await Promise.allSettled(this.#background);
    }
    this.lines.close();
    this.watches.close();
    this.members.close();
    this.closeClient();
  }
}

/** What siblings use of a connection. Throws a TypeError if it is not one. */
export function internals(connection: unknown): EtcdConnection {
  if (connection instanceof EtcdConnection) return connection;
  if (isBranded(connection)) throw ofAnotherCopy("Connection");
  throw new TypeError(`expected a Connection as connect() gives it, not ${describe(connection)}`);
}

/** By whatever copy of core it was made. */
function isBranded(value: unknown): boolean {
  return typeof value === "object" && value !== null && brand in value;
}

function checkOptions(given: unknown): ConnectOptions {
  if (typeof given !== "object" || given === null || isBranded(given)) {
    const what = isBranded(given) ? "a Connection" : describe(given);
    throw new TypeError(`connect() takes etcd3's options or an Etcd3, not ${what}`);
  }
  checkNoClient(given);
  const options = given as ConnectOptions;
  const { namespace, groupCommit } = options;
  if (groupCommit !== undefined && typeof groupCommit !== "boolean") {
    throw new TypeError(`groupCommit must be true or false, not ${describe(groupCommit)}`);
  }
  if (namespace !== undefined && (typeof namespace !== "string" || !namespace.isWellFormed())) {
    throw new TypeError("namespace must be well-formed text");
  }
  return options;
}

/** A client of etcd3 that is no Etcd3 of this copy: its `namespace` makes one. */
function checkNoClient(given: object): void {
  if (!("namespace" in given) || typeof given.namespace !== "function") return;
  throw new TypeError(
    "close" in given
      ? "this Etcd3 is of another installed copy of etcd3, see `npm ls etcd3`: give connect() its options"
      : "connect() takes no Namespace: give it the options of the Etcd3, with the prefix as `namespace`",
  );
}

function checkHosts(given: unknown): string[] {
  const hosts = typeof given === "string" ? [given] : given;
  if (!Array.isArray(hosts) || hosts.length === 0) {
    throw new TypeError(`hosts must be "host:port" or a list of them, not ${describe(given)}`);
  }
  for (const host of hosts) {
    // a list in one text, or a port alone, would be looked up as a name
    if (typeof host !== "string" || !/^(?!:\d*$)[^\s,]+$/.test(host.replace(/^https?:\/\//, ""))) {
      throw new TypeError(
        `each of the hosts must be a text like "host:port", not ${describe(host)}`,
      );
    }
  }
  return hosts;
}
