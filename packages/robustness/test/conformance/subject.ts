import {
  type Compare,
  type Etcd,
  EtcdFailure,
  type KeyRange,
  type KeyValue,
  type Op,
  type RangeRequest,
  type RangeResult,
  type Txn,
  type TxnResult,
  type WatchReply,
  type WatchStream,
} from "@etcdkit/core/internal";
import type { Keys, Operation, SomeCompare, SomeOp, SomeRange, SomeTxn } from "./operations.js";

/** The operations know of so many. */
const LEASES = 3;
const CALL = { deadlineMs: 5_000 };

export interface Surroundings {
  etcd: Etcd;
  /** Nobody else has keys under it, nor leases from `firstLease` on. */
  prefix: string;
  firstLease: bigint;
  compact(revision: bigint): Promise<void>;
  /** Waits for whatever the subject has promised. */
  wait<T>(promise: Promise<T>): Promise<T>;
}

interface Seen {
  told: unknown[];
  events: { revision: bigint; line: string }[];
  over: boolean;
}

/** One etcd under test: runs the operations and tells what came of them, with what is its own taken out: prefix, lease ids, revisions. */
export class Subject {
  readonly #around: Surroundings;
  #base = 0n;
  #revision = 0n;
  #stream: WatchStream | undefined;
  readonly #watches: Seen[] = [];
  #news: () => void = () => undefined;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Before anything else: the test's revisions count from here. */
  async begin(): Promise<void> {
    const { etcd, wait } = this.#around;
    const put = { put: { key: this.#key("!"), value: Buffer.from("begin") } };
    const { revision } = await wait(etcd.txn({ compare: [], success: [put], failure: [] }, CALL));
    this.#base = revision - 1n;
    this.#revision = revision;
    this.#stream = etcd.watch({
      message: (reply) => this.#told(reply),
      end: (error) => {
        throw error;
      },
    });
  }

  async run(operation: Operation): Promise<unknown> {
    try {
      return await this.#run(operation);
    } catch (error) {
      if (error instanceof EtcdFailure) return { failed: error.kind };
      throw error;
    }
  }

  /** What each watch has told, once it has told all. */
  async end(): Promise<unknown> {
    await this.#quiet();
    this.#stream?.cancel();
    // what would expire later would disturb whoever comes next
    for (let lease = 0; lease < LEASES; lease++) {
      await this.run({ do: "revoke", lease, ttl: 0 });
    }
    return this.#watches.map(({ told, events }) => ({
      told,
      events: events.map(({ line }) => line),
    }));
  }

  async #run(operation: Operation): Promise<unknown> {
    const { etcd, wait } = this.#around;
    switch (operation.do) {
      case "txn":
        return this.#txnResult(await wait(etcd.txn(this.#txn(operation.txn), CALL)), true);
      case "range":
        return this.#rangeResult(await wait(etcd.range(this.#range(operation.range), CALL)), true);
      case "grant":
        return wait(etcd.leaseGrant(this.#lease(operation.lease), operation.ttl, CALL));
      case "revoke":
        await wait(etcd.leaseRevoke(this.#lease(operation.lease), CALL));
        return this.#newest();
      case "left": {
        const call = { ...CALL, keys: true };
        const left = await wait(etcd.leaseTimeToLive(this.#lease(operation.lease), call));
        // etcd gives them in the order of a Go map: another one each time
        const keys = left.keys.map((key) => this.#letter(key)).sort();
        return { gone: left.ttl < 0, grantedTtl: left.grantedTtl, keys };
      }
      case "renew":
        return this.#renew(this.#lease(operation.lease));
      case "watch":
        return this.#watch(operation);
      case "unwatch":
        if (operation.index >= this.#watches.length) return "none";
        await this.#quiet();
        this.#stream?.cancelWatch(BigInt(operation.index + 1));
        return this.#quiet();
      case "compact":
        await this.#quiet();
        return wait(this.#around.compact(this.#back(operation.back)));
    }
  }

  async #renew(lease: bigint): Promise<number> {
    const { etcd, wait } = this.#around;
    const reply = new Promise<number>((resolve, reject) => {
      const stream = etcd.keepAlive({
        message: ({ ttl }) => {
          stream.cancel();
          resolve(ttl);
        },
        end: reject,
      });
      stream.send(lease);
    });
    return wait(reply);
  }

  async #watch({ range, back, prevKv }: Extract<Operation, { do: "watch" }>): Promise<void> {
    const seen: Seen = { told: [], events: [], over: false };
    this.#watches.push(seen);
    const startRevision = back === undefined ? 0n : this.#back(back);
    const id = BigInt(this.#watches.length);
    this.#stream?.create({ ...this.#keys(range), id, startRevision, prevKv });
    // one from now on is served at once
    if (startRevision > 0n) await this.#quiet();
    else await this.#around.wait(this.#until(() => seen.told.length > 0));
  }

  /** A watch of the very first change, made now, is served after all that were made before; and then a change that it sees. */
  async #quiet(): Promise<void> {
    const { etcd, wait } = this.#around;
    const probe: Seen = { told: [], events: [], over: false };
    const id = BigInt(1_000_000 + this.#probes.size);
    this.#probes.set(id, probe);
    const key = this.#key("!");
    this.#stream?.create({ id, key, startRevision: this.#base + 1n, prevKv: false });
    await wait(this.#until(() => probe.over || probe.events.length > 0));
    if (probe.over) {
      const late = BigInt(1_000_000 + this.#probes.size);
      this.#probes.set(late, probe);
      this.#stream?.create({ id: late, key, startRevision: 0n, prevKv: false });
      await wait(this.#until(() => probe.told.filter((one) => one === "created").length > 1));
    }
    const put = { put: { key, value: Buffer.alloc(0) } };
    const { revision } = await wait(etcd.txn({ compare: [], success: [put], failure: [] }, CALL));
    this.#revision = revision;
    await wait(this.#until(() => probe.events.some((event) => event.revision >= revision)));
  }

  readonly #probes = new Map<bigint, Seen>();

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (condition()) resolve();
      };
      this.#news = look;
      look();
    });
  }

  #told(reply: WatchReply): void {
    const seen = this.#probes.get(reply.id) ?? this.#watches[Number(reply.id) - 1];
    if (!seen) throw new Error(`a reply of no watch: ${reply.id}`);
    if (reply.created) seen.told.push("created");
    if (reply.canceled) {
      seen.over = true;
      seen.told.push({ canceled: this.#relative(reply.compactRevision) });
    }
    for (const { type, kv, prevKv } of reply.events) {
      const line = JSON.stringify({ type, kv: this.#kv(kv), prev: prevKv && this.#kv(prevKv) });
      seen.events.push({ revision: kv.modRevision, line });
    }
    this.#news();
  }

  async #newest(): Promise<void> {
    const { etcd, wait } = this.#around;
    this.#revision = (await wait(etcd.range({ key: this.#key("!") }, CALL))).revision;
  }

  #key(letter: string): Buffer {
    return Buffer.from(`${this.#around.prefix}${letter}`);
  }

  #letter(key: Buffer): string {
    return key.toString().slice(this.#around.prefix.length);
  }

  #lease(number: number): bigint {
    return this.#around.firstLease + BigInt(number);
  }

  #back(back: number): bigint {
    const revision = this.#revision - BigInt(back);
    return revision > this.#base ? revision : this.#base + 1n;
  }

  #relative(revision: bigint): number {
    return revision === 0n ? 0 : Number(revision - this.#base);
  }

  #keys({ from, to }: Keys): KeyRange {
    const key = this.#key(from);
    if (to === undefined) return { key };
    return { key, rangeEnd: this.#key(to === "" ? "~" : to) };
  }

  #range({
    limit,
    back,
    sort,
    keysOnly,
    countOnly,
    createdBack,
    ...keys
  }: SomeRange): RangeRequest {
    return {
      ...this.#keys(keys),
      limit,
      keysOnly,
      countOnly,
      ...(back !== undefined && { revision: this.#back(back) }),
      ...(createdBack !== undefined && { maxCreateRevision: this.#back(createdBack) }),
      ...(sort && { sort }),
    };
  }

  #txn({ compare, success, failure }: SomeTxn): Txn {
    return {
      compare: compare.map((one) => this.#compare(one)),
      success: success.map((op) => this.#op(op)),
      failure: failure.map((op) => this.#op(op)),
    };
  }

  #compare({ target, value, ...keys }: SomeCompare): Compare {
    const range = this.#keys(keys);
    if (target === "lease")
      return { ...range, lease: value === undefined ? 0n : this.#lease(value) };
    const revision = value === undefined ? 0n : this.#back(value);
    return target === "createRevision"
      ? { ...range, createRevision: revision }
      : { ...range, modRevision: revision };
  }

  #op(op: SomeOp): Op {
    if ("txn" in op) return { txn: this.#txn(op.txn) };
    if ("range" in op) return { range: this.#range(op.range) };
    if ("delete" in op) return { deleteRange: this.#keys(op.delete) };
    const { key, value, lease } = op.put;
    const put = { key: this.#key(key), value: Buffer.from(value) };
    return { put: lease === undefined ? put : { ...put, lease: this.#lease(lease) } };
  }

  #txnResult({ revision, succeeded, results }: TxnResult, outermost = false): unknown {
    if (outermost) this.#revision = revision;
    return {
      ...(outermost && { revision: this.#relative(revision) }),
      succeeded,
      results: results.map(({ range, txn }) => ({
        ...(range && { range: this.#rangeResult(range) }),
        ...(txn && { txn: this.#txnResult(txn) }),
      })),
    };
  }

  #rangeResult({ revision, kvs, more, count }: RangeResult, outermost = false): unknown {
    const told = kvs.map((kv) => this.#kv(kv));
    return { ...(outermost && { revision: this.#relative(revision) }), kvs: told, more, count };
  }

  #kv({ key, value, createRevision, modRevision, version, lease }: KeyValue): unknown {
    return {
      key: this.#letter(key),
      value: value.toString(),
      created: this.#relative(createRevision),
      modified: this.#relative(modRevision),
      version: Number(version),
      lease: lease === 0n ? undefined : Number(lease - this.#around.firstLease),
    };
  }
}
