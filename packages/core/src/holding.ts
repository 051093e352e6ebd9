import type { ComparatorBuilder } from "etcd3";
import type { Place } from "./place.js";

/** What a won turn gives: a lock, a leadership, a permit. It lasts until it is released, or lost with its session or key. */
export class Holding implements AsyncDisposable {
  readonly #place: Place;

  /** @internal */
  constructor(place: Place) {
    this.#place = place;
  }

  /** The name that was locked. */
  get name(): string {
    return this.#place.line.name;
  }

  /** Our key in etcd, within the connection's namespace. */
  get key(): string {
    return this.#place.key;
  }

  /**
   * The create revision of our key. Strictly increases from one holder of a name to the next, so that whoever is handed it along
   * with a request can refuse an older one; what Go's `IsOwner` compares.
   */
  get fencingToken(): bigint {
    return this.#place.createRevision;
  }

  /**
   * Aborts when the holding is lost: its session is, or somebody deleted our key (heard of within a second). The reason says
   * which: `SessionExpiredError`, `SessionClosedError` or `KeyDeletedError`. A release does not abort it.
   */
  get signal(): AbortSignal {
    return this.#place.signal;
  }

  /** Whether we still hold. Reads the clock, so it is false after a stall even if no timer has run yet. */
  get held(): boolean {
    return this.#place.held;
  }

  /**
   * etcd3's transaction builder on the connection's `client`, with our ownership already compared: what is put in its `then()`
   * happens only if we hold at that moment by etcd's own word. Awaited before `commit()`, it rejects with a TypeError. `commit()` rejects
   * with etcd3's error where none of four attempts of 2 s is answered; it may have been carried out then.
   *
   * @throws the reason of `signal` where the holding is lost, and `KeyDeletedError` where it is not told yet whether our key was
   *   deleted or went with its lease; a `CoordinationError` with code `RELEASED` after a release
   */
  guard(): ComparatorBuilder {
    if (!this.held) throw this.#place.whyNotHeld;
    const { client } = this.#place.lease.connection;
    return unawaited(client.if(this.key, "Create", "==", String(this.fencingToken)));
  }

  /**
   * Gives the place to the next. Idempotent. Resolves when our key is gone; tried again until then, or until the lease is
   * gone. Where etcd refuses to delete it, for want of a permission say, that is tried again once a TTL, without being waited for.
   * Never throws, also not where the holding was already lost.
   */
  release(): Promise<void> {
    return this.#place.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Since a builder has a `then`, an `await` of it would wait for ever, while we hold: it gives two functions where operations belong. */
function unawaited(builder: ComparatorBuilder): ComparatorBuilder {
  const operations = builder.then.bind(builder);
  // biome-ignore lint/suspicious/noThenProperty: it has one already
  builder.then = (...given) => {
    if (given.some((one: unknown) => typeof one === "function")) {
      throw new TypeError("guard() gives a transaction: await its commit(), not the builder");
    }
    return operations(...given);
  };
  return builder;
}
