import type { Connection } from "@etcdkit/core";
import {
  checkName,
  checkOptions,
  checkSignal,
  describe,
  type EtcdConnection,
  internals,
  promptly,
} from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import { isSession, leaseOf } from "@etcdkit/session/internal";
import { AwaitedKey } from "./awaited-key.js";
import { type Hold, holdLeased, holdUnleased } from "./hold.js";
import { releaseKey } from "./hold-key.js";
import type { OnHolderLost } from "./hold-value.js";

export interface HoldOptions {
  /**
   * The barrier ends with this session at the latest, which must be of the same etcd; it may be of another connection. Default: it
   * stands until it is released, whatever becomes of the holder.
   */
  session?: Session | undefined;
  /**
   * What waiters get when the session ends without a release: `"release"`, as if it were one, or `"fail"`, an error with the
   * code `HOLDER_LOST`. Only with `session`; waiters of Go's recipe take either for a release. Default `"release"`.
   */
  onHolderLost?: OnHolderLost | undefined;
}

export interface WaitOptions {
  /** Cancels the wait: it rejects at once with the signal's reason. `AbortSignal.timeout(ms)` is a time limit. */
  signal?: AbortSignal | undefined;
}

/** While it is held, all who wait at it wait, in one barrier with the `Barrier` of Go's recipes. Its key is `name` itself. */
export class Barrier {
  readonly name: string;
  readonly #connection: EtcdConnection;
  /** Ours, also after its release: an object that has held never releases another's. */
  #hold: Hold | undefined;
  /** Settles when all that were begun are done; never rejects. */
  #holding: Promise<void> = Promise.resolve();

  /** @throws TypeError if `etcd` is no Connection, or `name` is empty, has a NUL or is not well-formed text */
  constructor(etcd: Connection, name: string) {
    this.#connection = internals(etcd);
    checkName(name, "the name of a barrier");
    this.name = name;
  }

  /**
   * Whoever waits from now on waits for the release.
   *
   * @throws BarrierError `ALREADY_HELD`; SessionExpiredError or SessionClosedError of `session`; KeyDeletedError when an unleased hold is
   *   released or deleted before the call is done; CoordinationError `UNAVAILABLE` when no member of etcd answers within 10 s,
   *   `REFUSED` when `session` is of another etcd, or what etcd refuses with. What it wrote by then is taken back.
   */
  async hold(options: HoldOptions = {}): Promise<void> {
    checkOptions(options);
    // a likely slip, which would be a hold without one
    if (isSession(options)) {
      throw new TypeError("options must be an object, not a Session: pass { session }");
    }
    const { session, onHolderLost = "release" } = options;
    const lease = session === undefined ? undefined : leaseOf(session);
    if (onHolderLost !== "release" && onHolderLost !== "fail") {
      throw new TypeError(
        `onHolderLost must be "release" or "fail", not ${describe(onHolderLost)}`,
      );
    }
    if (!lease && onHolderLost === "fail") {
      throw new TypeError("onHolderLost is about a session: give one, or leave it out");
    }
    const hold = lease
      ? holdLeased(this.#connection, lease, this.name, onHolderLost)
      : holdUnleased(this.#connection, this.name);
    const holding = this.#holdBy(hold);
    const before = this.#holding;
    const done = () => before;
    this.#holding = holding.then(done, done);
    await holding;
  }

  /**
   * Lets the waiters go. Takes away what this object holds, and only that, if it has ever held; else whatever holds the name, as in
   * Go. Idempotent: that nothing is there to release, or our session is lost with its key, is no error. A `hold()` of this object that
   * is under way is waited for, and released.
   *
   * @throws CoordinationError `UNAVAILABLE` when no member of etcd answers within 10 s; try again then
   */
  async release(): Promise<void> {
    await this.#holding;
    if (this.#hold) return this.#hold.release();
    const connection = this.#connection;
    const patience = promptly(connection.clock, `barrier ${this.name}`);
    const key = Buffer.from(this.name);
    const { kvs } = await connection.call((etcd, call) => etcd.range({ key }, call), patience);
    if (kvs[0]) await releaseKey(connection, kvs[0], patience);
  }

  /**
   * Resolves when what holds the barrier now is released; at once if nothing does. Goes on through every outage of etcd.
   *
   * @throws the reason of `signal`; BarrierError `HOLDER_LOST`; CoordinationError `CONNECTION_CLOSED`, `PERMISSION_DENIED`, …
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    checkOptions(options);
    checkSignal(options.signal);
    options.signal?.throwIfAborted();
    await AwaitedKey.of(this.#connection, this.name).wait(options.signal);
  }

  async #holdBy(beginning: Promise<Hold>): Promise<void> {
    const hold = await beginning;
    // or etcd would not have let us hold anew
    this.#hold?.lost();
    this.#hold = hold;
  }
}
