import {
  type Call,
  type Etcd,
  EtcdFailure,
  notSent,
  type Op,
  type Txn,
  type TxnResult,
  withTxn,
} from "./etcd.js";
import { Scopes } from "./scopes.js";

/**
 * Group commit: transactions asked for in the same turn of the event loop, or while others are under way, travel as one etcd
 * transaction of nested ones, which is one entry in etcd's log and one round trip for all. Alone, a transaction travels as it is.
 */

/**
 * So many may be under way at once: what cannot travel with those under way does not wait for them, be it that there are
 * enough for another journey, or that the enrolment of one contender would delay the release of another on the same line.
 */
const UNDER_WAY = 4;
/**
 * To start with, and halved when the server refuses so many: by default etcd takes 128 operations, nested ones
 * counted along the deepest way (etcd, server/embed: max-txn-ops).
 */
const MOST_PARTS = 120;
/** To start with, as above: by default etcd takes requests of 1.5 MiB (etcd, server/embed: max-request-bytes). */
const MOST_BYTES = 1 << 20;

interface Part {
  readonly txn: Txn;
  readonly call: Call;
  readonly bytes: number;
  resolve(result: TxnResult): void;
  reject(error: unknown): void;
}

/** The same member, with its transactions batched. */
export function batched(etcd: Etcd): Etcd {
  const batcher = new Batcher(etcd);
  return withTxn(etcd, (txn, call) =>
    txn.scope === undefined ? etcd.txn(txn, call) : batcher.add(txn, call),
  );
}

class Batcher {
  readonly #etcd: Etcd;
  #waiting: Part[] = [];
  /** The scopes of each journey. */
  readonly #underWay = new Set<Scopes>();
  #flushing = false;
  /** Lowered when the server refuses that many, or so much. */
  #mostParts = MOST_PARTS;
  #mostBytes = MOST_BYTES;

  constructor(etcd: Etcd) {
    this.#etcd = etcd;
  }

  add(txn: Txn, call: Call): Promise<TxnResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ txn, call, bytes: bytesOf(txn), resolve, reject });
      if (this.#flushing) return;
      this.#flushing = true;
      // after all that this turn asks for
      queueMicrotask(() => {
        this.#flushing = false;
        this.#flush();
      });
    });
  }

  #flush(): void {
    while (this.#mayLeave()) {
      const scopes = new Scopes();
      const batch = this.#take(scopes);
      const [only] = batch;
      if (!only) continue;
      this.#underWay.add(scopes);
      const sending = batch.length === 1 ? this.#sendAlone(only) : this.#sendTogether(batch);
      void sending.then(() => {
        this.#underWay.delete(scopes);
        this.#flush();
      });
    }
  }

  #mayLeave(): boolean {
    if (this.#waiting.length === 0 || this.#underWay.size === UNDER_WAY) return false;
    if (this.#underWay.size === 0 || this.#waiting.length >= this.#mostParts) return true;
    const journeys = [...this.#underWay];
    return this.#waiting.some(({ txn: { scope = "" } }) =>
      journeys.some((scopes) => scopes.overlap(scope)),
    );
  }

  /** The next that may travel together, in the order they were asked for; their scopes are added to `scopes`. */
  #take(scopes: Scopes): Part[] {
    const batch: Part[] = [];
    const left: Part[] = [];
    let bytes = 0;
    let looked = 0;
    for (const part of this.#waiting) {
      if (batch.length === this.#mostParts) break;
      looked++;
      const { scope = "" } = part.txn;
      if (part.call.signal?.aborted) {
        part.reject(notSent("cancelled before it was sent"));
      } else if (
        batch.length === 0 ||
        (bytes + part.bytes <= this.#mostBytes && !scopes.overlap(scope))
      ) {
        batch.push(part);
        // two parts under one prefix would both be first there: every comparison is made before any write
        scopes.add(scope);
        bytes += part.bytes;
      } else {
        left.push(part);
      }
    }
    this.#waiting = left.concat(this.#waiting.slice(looked));
    return batch;
  }

  #sendAlone({ txn, call, resolve, reject }: Part): Promise<void> {
    return this.#etcd.txn(txn, call).then(resolve, (error) => {
      reject(error);
      if (error instanceof EtcdFailure && error.passing) this.#abandonWaiting();
    });
  }

  async #sendTogether(batch: Part[]): Promise<void> {
    const deadlineMs = Math.min(...batch.map(({ call }) => call.deadlineMs));
    const success: Op[] = batch.map(({ txn }) => ({ txn }));
    let result: TxnResult;
    try {
      result = await this.#etcd.txn({ compare: [], success, failure: [] }, { deadlineMs });
    } catch (error) {
      return this.#refused(batch, error);
    }
    for (const [index, { resolve, reject }] of batch.entries()) {
      const part = result.results[index]?.txn;
      // a nested reply has no revision of its own
      if (part) resolve({ ...part, revision: result.revision });
      else reject(new EtcdFailure("refused", "etcd did not answer a nested transaction"));
    }
  }

  async #refused(batch: Part[], error: unknown): Promise<void> {
    if (error instanceof EtcdFailure && error.passing) {
      for (const { reject } of batch) reject(error);
      this.#abandonWaiting();
      return;
    }
    const refusal = error instanceof EtcdFailure ? error.message : "";
    // etcd, api/v3rpc/rpctypes/error.go
    if (refusal.includes("too many operations")) {
      this.#mostParts = Math.max(Math.floor(batch.length / 2), 1);
    }
    if (refusal.includes("request is too large")) {
      this.#mostBytes = batch.reduce((total, { bytes }) => total + bytes, 0) / 2;
    }
    // one of them is at fault: each gets its own answer
    await Promise.all(batch.map((part) => this.#sendAlone(part)));
  }

  /** A member that does not answer will not answer these either: they try another at once. */
  #abandonWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) {
      reject(notSent("this member does not answer"));
    }
  }
}

const OVERHEAD_BYTES = 64;

function bytesOf(txn: Txn): number {
  let bytes = 0;
  for (const op of txn.success) bytes += bytesOfOp(op);
  for (const op of txn.failure) bytes += bytesOfOp(op);
  for (const { key } of txn.compare) bytes += key.length * 2 + OVERHEAD_BYTES;
  return bytes;
}

function bytesOfOp(op: Op): number {
  if ("put" in op) return OVERHEAD_BYTES + op.put.key.length + op.put.value.length;
  if ("range" in op) return OVERHEAD_BYTES + op.range.key.length * 2;
  if ("deleteRange" in op) return OVERHEAD_BYTES + op.deleteRange.key.length;
  return OVERHEAD_BYTES + bytesOf(op.txn);
}
