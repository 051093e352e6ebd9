/**
 * The port: the few operations core needs of one etcd member, as types. `etcd3.ts` is the port on the etcd3 package; a
 * simulator is another. Every int64 is a `bigint`, every key and value the bytes as etcd has them.
 */
export interface Etcd {
  txn(txn: Txn, call: Call): Promise<TxnResult>;
  range(request: RangeRequest, call: Call): Promise<RangeResult>;
  /** Resolves with the TTL granted, in seconds. */
  leaseGrant(lease: bigint, ttl: number, call: Call): Promise<number>;
  leaseRevoke(lease: bigint, call: Call): Promise<void>;
  leaseTimeToLive(lease: bigint, call: TimeToLiveCall): Promise<TimeToLive>;
  keepAlive(events: StreamEvents<KeepAliveReply>): KeepAliveStream;
  watch(events: StreamEvents<WatchReply>): WatchStream;
  /** What is begun from now on goes over a new connection; streams and calls that are under way stay on theirs. */
  reconnect(): void;
  close(): void;
}

/** The same member, whose transactions are made by `txn`. */
export function withTxn(etcd: Etcd, txn: Etcd["txn"]): Etcd {
  return {
    txn,
    range: (request, call) => etcd.range(request, call),
    leaseGrant: (lease, ttl, call) => etcd.leaseGrant(lease, ttl, call),
    leaseRevoke: (lease, call) => etcd.leaseRevoke(lease, call),
    leaseTimeToLive: (lease, call) => etcd.leaseTimeToLive(lease, call),
    keepAlive: (events) => etcd.keepAlive(events),
    watch: (events) => etcd.watch(events),
    reconnect: () => etcd.reconnect(),
    close: () => etcd.close(),
  };
}

/** One attempt of a unary call. */
export interface Call {
  /** The attempt is given up after this long. */
  deadlineMs: number;
  /** When it aborts, an attempt that has not been sent yet need not be. */
  signal?: AbortSignal | undefined;
}

export interface TimeToLiveCall extends Call {
  /** Its keys, too: etcd refuses unless the user may read each of them. Default false. */
  keys?: boolean;
}

export interface KeyValue {
  key: Buffer;
  value: Buffer;
  createRevision: bigint;
  modRevision: bigint;
  version: bigint;
  /** 0n: without a lease. */
  lease: bigint;
}

/** A key, or with `rangeEnd` all keys from `key` up to but without `rangeEnd`. */
export interface KeyRange {
  key: Buffer;
  rangeEnd?: Buffer | undefined;
}

/** True when the one field named besides the range equals; over a range, when it does for every key in it. A missing key counts as 0n. */
export type Compare = KeyRange &
  ({ createRevision: bigint } | { modRevision: bigint } | { lease: bigint });

export type Op =
  | { put: { key: Buffer; value: Buffer; lease?: bigint } }
  | { range: RangeRequest }
  | { deleteRange: KeyRange }
  | { txn: Txn };

export interface Txn {
  /**
   * A prefix that all its keys are under, ending in a slash. Transactions whose scopes do not overlap may travel together; one without a scope
   * travels alone.
   */
  scope?: string;
  compare: Compare[];
  success: Op[];
  failure: Op[];
}

export interface RangeRequest extends KeyRange {
  limit?: number;
  /** Read as of this revision; the newest where absent. */
  revision?: bigint;
  sort?: { by: "create" | "key"; order: "ascend" | "descend" };
  keysOnly?: boolean;
  /** No keys at all, only how many. */
  countOnly?: boolean;
  maxCreateRevision?: bigint;
}

export interface RangeResult {
  /** The store's revision when this was read. */
  revision: bigint;
  kvs: KeyValue[];
  /** More keys are in the range than `limit` let through. */
  more: boolean;
  /** All keys in the range, whatever the limit. */
  count: number;
}

export interface TxnResult {
  revision: bigint;
  succeeded: boolean;
  /** One for each operation of the branch taken, in order; puts and deletions have nothing to tell. */
  results: OpResult[];
}

export interface OpResult {
  range?: RangeResult;
  txn?: TxnResult;
}

export interface TimeToLive {
  /** Seconds left; -1 for a lease that is gone. */
  ttl: number;
  /** Seconds. */
  grantedTtl: number;
  /** All keys with this lease; none where they were not asked for. */
  keys: Buffer[];
}

export interface StreamEvents<Message> {
  message(message: Message): void;
  /** Exactly once, and nothing after it; not called after `close()` or `cancel()`. */
  end(error: EtcdFailure): void;
}

export interface KeepAliveReply {
  lease: bigint;
  /** Seconds; 0 or less: the lease is gone. */
  ttl: number;
}

export interface KeepAliveStream extends Stream {
  send(lease: bigint): void;
}

interface WatchCreate extends KeyRange {
  id: bigint;
  /** The first revision to deliver; 0n is "from now on". */
  startRevision: bigint;
  prevKv: boolean;
}

export interface WatchReply {
  /** -1n: of no watch in particular, as a reply to a progress request. */
  id: bigint;
  revision: bigint;
  created: boolean;
  canceled: boolean;
  /** Not 0n: the watch asked for a revision that is compacted, and is over. */
  compactRevision: bigint;
  cancelReason: string;
  /** More of the same batch follows. */
  fragment: boolean;
  events: WatchEvent[];
}

export interface WatchEvent {
  type: "put" | "delete";
  /** Of a deletion: the key and, as mod revision, when it was deleted. */
  kv: KeyValue;
  prevKv?: KeyValue;
}

export interface WatchStream extends Stream {
  create(watch: WatchCreate): void;
  cancelWatch(id: bigint): void;
  requestProgress(): void;
}

interface Stream {
  /** It is not needed any more. */
  close(): void;
  /** It is given up, and its connection may be to blame. */
  cancel(): void;
}

/** What a failed call or stream means to core. */
export type FailureKind =
  /** This member did not answer, or cannot now: the outcome of a write is unknown, another attempt may do. */
  | "unavailable"
  /** The token is not valid any more; a unary call fetches a new one. */
  | "token"
  | "lease-not-found"
  | "lease-exists"
  | "compacted"
  /** etcd was put back to an earlier state: what was told until now is of another history. */
  | "put-back"
  | "permission"
  | "credentials"
  /** The request or its reply is larger than a message may be. */
  | "too-large"
  /** etcd understood and said no. */
  | "refused"
  /** The client was closed by this process. */
  | "closed";

export class EtcdFailure extends Error {
  override name = "EtcdFailure";
  constructor(
    readonly kind: FailureKind,
    message: string,
    options?: ErrorOptions,
    /** False: the request never left, so that it cannot have been carried out. */
    readonly sent = true,
  ) {
    super(message, options);
  }

  /** It says nothing of the request: another attempt may have an answer. */
  get passing(): boolean {
    return this.kind === "unavailable" || this.kind === "token";
  }
}

/** The request never left, so that it cannot have been carried out. */
export function notSent(why: string): EtcdFailure {
  return new EtcdFailure("unavailable", why, {}, false);
}
