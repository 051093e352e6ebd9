import { type Call, type Etcd, EtcdFailure, notSent } from "./etcd.js";

/**
 * So many calls may be at one member at once. On a machine with little time for this process the answers of a thousand would come after
 * their deadlines, and all be asked for again; and while it takes in the answers of hundreds, a stream sends one message.
 */
const MOST_CALLS = 32;

/** The same member, with its calls waiting for their turn where there are too many of them. Their deadlines begin with it. */
export function limited(etcd: Etcd): Etcd {
  const calls = new Calls();
  return {
    txn: (txn, call) => calls.run(() => etcd.txn(txn, call), call),
    range: (request, call) => calls.run(() => etcd.range(request, call), call),
    leaseGrant: (lease, ttl, call) => calls.run(() => etcd.leaseGrant(lease, ttl, call), call),
    leaseRevoke: (lease, call) => calls.run(() => etcd.leaseRevoke(lease, call), call),
    leaseTimeToLive: (lease, call) => calls.run(() => etcd.leaseTimeToLive(lease, call), call),
    keepAlive: (events) => etcd.keepAlive(events),
    watch: (events) => etcd.watch(events),
    reconnect: () => etcd.reconnect(),
    close: () => etcd.close(),
  };
}

interface Turn {
  readonly call: Call;
  begin(): void;
  reject(error: EtcdFailure): void;
}

class Calls {
  readonly #waiting = new Set<Turn>();
  #underWay = 0;

  async run<T>(operation: () => Promise<T>, call: Call): Promise<T> {
    if (this.#underWay < MOST_CALLS) this.#underWay++;
    else {
      await new Promise<void>((begin, reject) => this.#waiting.add({ call, begin, reject }));
    }
    try {
      return await operation();
    } catch (error) {
      if (error instanceof EtcdFailure && error.kind === "unavailable") this.#abandonWaiting();
      throw error;
    } finally {
      this.#next();
    }
  }

  /** Hands the place on to the first that still wants it. */
  #next(): void {
    for (const turn of this.#waiting) {
      this.#waiting.delete(turn);
      if (!turn.call.signal?.aborted) return turn.begin();
      turn.reject(notSent("cancelled before it was sent"));
    }
    this.#underWay--;
  }

  /** A member that does not answer will not answer these either: they try another at once. */
  #abandonWaiting(): void {
    for (const { reject } of this.#waiting) {
      reject(notSent("this member does not answer"));
    }
    this.#waiting.clear();
  }
}
