import type { Clock, Timer } from "./clock.js";
import {
  type Etcd,
  EtcdFailure,
  type KeyRange,
  type WatchEvent,
  type WatchReply,
  type WatchStream,
} from "./etcd.js";
import type { History } from "./history.js";
import type { Members } from "./members.js";
import { neededForRange } from "./permissions.js";
import { jittered, type Random } from "./random.js";

export interface WatchOptions extends KeyRange {
  /** The first revision to deliver; "from now on" where absent. */
  startRevision?: bigint;
  prevKv?: boolean;
}

export interface WatchHandlers {
  /** Once: every event after `revision` will be delivered (from `startRevision` where that was given). */
  created?: ((revision: bigint) => void) | undefined;
  /** One or more whole revisions, in order, each event once, whatever happens to the stream meanwhile. */
  events(events: WatchEvent[]): void;
  /** The last word, not after `close()`: "compacted" or "put-back" (list again), "permission", "refused" or "closed". */
  ended(failure: EtcdFailure): void;
}

export interface Watch {
  /** What happened up to `revision` is known from elsewhere: a new stream need not deliver it, nor find it in history. */
  knownUpTo(revision: bigint): void;
  close(): void;
}

interface Subscription extends WatchHandlers {
  readonly options: WatchOptions;
  /** From which revision a new stream has to deliver; 0n: from now on, nothing is promised yet. */
  resumeFrom: bigint;
  /** `created` was called. */
  announced: boolean;
  /** On the present stream. */
  id: bigint;
  /** Its creation on the present stream is not answered yet. */
  pending: boolean;
  /** The server may still be reading old revisions for it, and withholds progress replies meanwhile (etcd 3.5 and later). */
  unsynced: boolean;
  /** An event of this revision or later shows that it has caught up. */
  syncedFrom: bigint;
  fragments: WatchEvent[];
}

// a silent stream is given up after at most 5 of these, 1.5 s: another one has the news within 2 s. Costs an idle connection a
// small request every 600 ms
const PROGRESS_MS = 300;
const UNANSWERED_LIMIT = 3;
// while a watch catches up, missing progress replies alone are no death. Its creation is answered at once, whatever it has to read
const UNANSWERED_LIMIT_UNSYNCED = 14;
// a stream that is never silent is asked all the same, every 6 s: for its quiet watches
const BUSY_PERIODS = 20;
const STALL_MS = 250;
// for the socket to be read in, after this process stood still
const SECOND_LOOK_MS = 20;
const ASK_MS = 1_000;
/** No revision gets so far. */
const NEVER = (1n << 63n) - 1n;
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;

/** One stream carries all watches of a connection. */
export class Watches {
  readonly #members: Members;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #history: History;
  readonly #subscriptions = new Set<Subscription>();
  /** Those created on the present stream, by id, in the order of creation; a closed one until its creation is answered. */
  readonly #byId = new Map<bigint, Subscription>();
  #lastId = 0n;
  #stream: WatchStream | undefined;
  #member: Etcd | undefined;
  /**
   * The progress replies of the present stream keep their place among the events; undefined until its first reply. Those that may
   * overtake events (etcd-io/etcd#15220, mended in 3.4.25 and 3.5.8) are answers to any request, the others tell nothing where there is
   * no watch yet: so the first thing asked is that.
   */
  #inOrder: boolean | undefined;
  /** The member of the present stream was asked how far it is. */
  #asked = false;
  #heard = false;
  #unanswered = 0;
  /** For so many periods progress was not asked for, since the stream was not silent. */
  #notAsked = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  #timer: Timer | undefined;
  #timerAt = 0;

  constructor(members: Members, clock: Clock, random: Random, history: History) {
    this.#members = members;
    this.#clock = clock;
    this.#random = random;
    this.#history = history;
  }

  open(options: WatchOptions, handlers: WatchHandlers): Watch {
    const subscription: Subscription = {
      options,
      created: handlers.created?.bind(handlers),
      events: handlers.events.bind(handlers),
      ended: handlers.ended.bind(handlers),
      resumeFrom: options.startRevision ?? 0n,
      announced: false,
      id: 0n,
      pending: false,
      unsynced: false,
      syncedFrom: 0n,
      fragments: [],
    };
    this.#subscriptions.add(subscription);
    if (this.#stream) this.#create(subscription);
    else if (!this.#timer) this.#openStream();
    return {
      knownUpTo: (revision) => {
        if (revision >= subscription.resumeFrom) subscription.resumeFrom = revision + 1n;
      },
      close: () => this.#close(subscription),
    };
  }

  /** Ends every watch. */
  close(): void {
    this.#endAll(new EtcdFailure("closed", "the connection to etcd was closed"));
  }

  /** etcd was put back to an earlier state: what a watch has yet to tell is not to come. */
  startOver(): void {
    this.#endAll(new EtcdFailure("put-back", "etcd was put back to an earlier state"));
  }

  #endAll(failure: EtcdFailure): void {
    const all = [...this.#subscriptions];
    this.#subscriptions.clear();
    this.#stopIfIdle();
    for (const subscription of all) subscription.ended(failure);
  }

  #close(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription)) return;
    if (this.#byId.has(subscription.id)) this.#stream?.cancelWatch(subscription.id);
    // one whose creation is not answered keeps its place: a refusal without an id would be taken for that of the next
    if (!subscription.pending) this.#byId.delete(subscription.id);
    this.#stopIfIdle();
  }

  #end(subscription: Subscription, failure: EtcdFailure): void {
    if (!this.#subscriptions.delete(subscription)) return;
    this.#byId.delete(subscription.id);
    this.#stopIfIdle();
    subscription.ended(failure);
  }

  #stopIfIdle(): void {
    if (this.#subscriptions.size > 0) return;
    this.#stream?.close();
    this.#forgetStream();
  }

  #forgetStream(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#stream = undefined;
    this.#byId.clear();
  }

  #openStream(): void {
    const member = this.#members.current;
    this.#member = member;
    this.#heard = false;
    this.#unanswered = 0;
    const stream = member.watch({
      message: (reply) => {
        if (this.#stream === stream) this.#received(reply);
      },
      end: (failure) => {
        if (this.#stream === stream) void this.#reopen(member, failure);
      },
    });
    this.#stream = stream;
    this.#inOrder = undefined;
    this.#asked = false;
    stream.requestProgress();
    for (const subscription of this.#subscriptions) this.#create(subscription);
    this.#setTimer(PROGRESS_MS, () => this.#checkAlive());
  }

  #create(subscription: Subscription): void {
    const { key, rangeEnd, prevKv = false } = subscription.options;
    subscription.id = ++this.#lastId;
    subscription.fragments = [];
    subscription.pending = true;
    subscription.unsynced = false;
    this.#byId.set(subscription.id, subscription);
    // One revision earlier, which is passed over. A watch that waits for a revision not written yet keeps etcd from telling the
    // progress of its stream (etcd-io/etcd#20229); and older versions may lose a deletion to a watch that begins at the very
    // revision that is compacted (etcd-io/etcd#18089).
    const { id, resumeFrom } = subscription;
    const startRevision = resumeFrom > 1n ? resumeFrom - 1n : resumeFrom;
    this.#stream?.create({ id, key, rangeEnd, prevKv, startRevision });
  }

  /** The stream is dead: another one, on the next member, carries every watch on from where it is. */
  async #reopen(member: Etcd, failure: EtcdFailure): Promise<void> {
    this.#stream?.cancel();
    this.#forgetStream();
    if (failure.kind === "closed" || this.#members.closed) return this.close();
    if (failure.kind === "credentials") return this.#endAll(failure);
    const delayMs = this.#backoffMs;
    this.#backoffMs = Math.min(this.#backoffMs * 2, LONGEST_BACKOFF_MS);
    if (failure.kind === "token") await this.#members.refreshToken(member);
    else this.#members.failed(member);
    if (this.#stream || this.#timer || this.#subscriptions.size === 0) return;
    this.#setTimer(jittered(delayMs, this.#random), () => {
      this.#timer = undefined;
      this.#openStream();
    });
  }

  /** Asks a silent stream for a sign of life. `again`: this process had stood still, and the socket was read since. */
  #checkAlive(again = false): void {
    const late = this.#clock.now() - this.#timerAt > STALL_MS;
    if (late && !again && !this.#heard) {
      this.#setTimer(SECOND_LOOK_MS, () => this.#checkAlive(true));
      return;
    }
    const unsynced = [...this.#subscriptions].some((subscription) => subscription.unsynced);
    if (this.#heard) {
      this.#unanswered = 0;
      // beside one that has much to tell: has another caught up, and how far is it?
      if (unsynced || ++this.#notAsked >= BUSY_PERIODS) this.#askProgress();
    } else {
      const limit = unsynced ? UNANSWERED_LIMIT_UNSYNCED : UNANSWERED_LIMIT;
      if (this.#unanswered >= limit && this.#member) {
        const failure = new EtcdFailure("unavailable", "the watch stream went silent");
        void this.#reopen(this.#member, failure);
        return;
      }
      this.#unanswered++;
      this.#askProgress();
    }
    this.#heard = false;
    this.#setTimer(PROGRESS_MS, () => this.#checkAlive());
  }

  #askProgress(): void {
    this.#notAsked = 0;
    this.#stream?.requestProgress();
  }

  #setTimer(delayMs: number, callback: () => void): void {
    this.#timerAt = this.#clock.now() + delayMs;
    this.#timer = this.#clock.setTimer(delayMs, callback);
  }

  #received(reply: WatchReply): void {
    this.#heard = true;
    this.#unanswered = 0;
    this.#backoffMs = FIRST_BACKOFF_MS;
    this.#history.reached(reply.revision);
    const subscription = this.#subscriptionOf(reply);
    if (!subscription) return;
    if (!this.#subscriptions.has(subscription)) {
      // closed meanwhile, and this is the answer to its creation
      this.#byId.delete(subscription.id);
      return;
    }
    if (reply.canceled) return this.#canceled(subscription, reply);
    if (reply.created) return this.#created(subscription, reply.revision);
    if (reply.events.length > 0) this.#deliver(subscription, reply);
  }

  #subscriptionOf(reply: WatchReply): Subscription | undefined {
    this.#inOrder ??= reply.created;
    if (reply.id !== -1n) {
      if (reply.created && !this.#byId.has(reply.id)) this.#endAll(notOurIds());
      return this.#byId.get(reply.id);
    }
    if (reply.created && reply.canceled) {
      // refused without an id: creations are answered in order (etcd, server/etcdserver/api/v3rpc/watch.go)
      return [...this.#byId.values()].find((subscription) => subscription.pending);
    }
    for (const subscription of this.#byId.values()) this.#progressed(subscription, reply.revision);
    return undefined;
  }

  #created(subscription: Subscription, revision: bigint): void {
    subscription.pending = false;
    // "from now on" is from here, on this stream and on every later one
    if (subscription.resumeFrom === 0n) subscription.resumeFrom = revision + 1n;
    subscription.syncedFrom = revision;
    subscription.unsynced = subscription.resumeFrom <= revision;
    if (revision < this.#history.known) void this.#askHowFar(subscription.options.key);
    if (subscription.announced) return;
    subscription.announced = true;
    subscription.created?.(revision);
  }

  /**
   * The member is behind, or etcd was put back to an earlier state and will be silent for long: what goes through etcd's log tells, to
   * the history. Nothing is written by it.
   */
  async #askHowFar(key: Buffer): Promise<void> {
    const stream = this.#stream;
    const member = this.#member;
    if (this.#asked || !member) return;
    this.#asked = true;
    const never = { key, createRevision: NEVER };
    const txn = { compare: [never], success: [{ deleteRange: { key } }], failure: [] };
    try {
      await member.txn(txn, { deadlineMs: ASK_MS });
    } catch (error) {
      // a user who may only read stays in doubt
      if (stream !== this.#stream || !(error instanceof EtcdFailure) || !error.passing) return;
      void this.#reopen(member, error);
    }
  }

  /** A progress reply for the whole stream: every watch on it has caught up. */
  #progressed(subscription: Subscription, revision: bigint): void {
    subscription.unsynced = false;
    // all up to here was told, and is not missed where history is compacted
    if (!this.#inOrder || subscription.pending || revision < subscription.resumeFrom) return;
    subscription.resumeFrom = revision + 1n;
  }

  #deliver(subscription: Subscription, reply: WatchReply): void {
    subscription.fragments.push(...reply.events);
    if (reply.fragment) return;
    const events = subscription.fragments.filter(
      (event) => event.kv.modRevision >= subscription.resumeFrom,
    );
    subscription.fragments = [];
    const last = events.at(-1);
    if (!last) return;
    subscription.resumeFrom = last.kv.modRevision + 1n;
    if (last.kv.modRevision >= subscription.syncedFrom) subscription.unsynced = false;
    subscription.events(events);
  }

  #canceled(subscription: Subscription, reply: WatchReply): void {
    const { compactRevision, cancelReason } = reply;
    if (compactRevision > 0n) {
      const message = `revision ${subscription.resumeFrom} is compacted (up to ${compactRevision})`;
      return this.#end(subscription, new EtcdFailure("compacted", message));
    }
    if (cancelReason.includes("permission denied")) {
      const message = `${cancelReason}; a watch needs permission to ${neededForRange(subscription.options)}`;
      return this.#end(subscription, new EtcdFailure("permission", message));
    }
    if (cancelReason.includes("user name is empty")) {
      return this.#end(subscription, new EtcdFailure("credentials", cancelReason));
    }
    if (/auth token|revision of auth store is old/.test(cancelReason) && this.#member) {
      void this.#reopen(this.#member, new EtcdFailure("token", cancelReason));
      return;
    }
    this.#end(subscription, new EtcdFailure("refused", cancelReason || "etcd ended the watch"));
  }
}

// etcd's own gRPC proxy (server/proxy/grpcproxy/watch.go) counts by itself, and answers no progress requests: a dead stream would not be
// noticed, and the events of one watch be taken for those of another
function notOurIds(): EtcdFailure {
  const message =
    "it gives watches ids of its own, as etcd's gRPC proxy does: connect to the members";
  return new EtcdFailure("refused", message);
}
