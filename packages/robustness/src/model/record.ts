/** Microseconds of CLOCK_MONOTONIC, which all processes of a machine have in common. */
export type Micros = number;

/** What a call may be about. Those of `operator` and `fault` are the run's own doing. */
export type OperationKind =
  | "session open"
  | "mutex lock"
  | "mutex tryLock"
  | "mutex release"
  | "register read"
  | "register write"
  | "counter write"
  | "election campaign"
  | "election proclaim"
  | "election resign"
  | "rwmutex read"
  | "rwmutex write"
  | "rwmutex downgrade"
  | "rwmutex release"
  | "barrier hold"
  | "barrier release"
  | "barrier wait"
  | "double barrier enter"
  | "double barrier leave"
  | "liveness join"
  | "liveness update"
  | "liveness leave";

/**
 * `done`: it did what it promises; `busy`: not now, and nothing was written; `cancelled`: by its own signal; `lost`: with its
 * session; `deleted`: its key was deleted; `refused`: etcd, or the library, said no, and nothing was written; `unknown`: it may
 * or may not have been done; `unexpected`: an error that nobody promised.
 */
export type Outcome =
  | "done"
  | "busy"
  | "cancelled"
  | "lost"
  | "deleted"
  | "refused"
  | "unknown"
  | "unexpected";

/** What is known of a call beyond its name; revisions and tokens are small enough for numbers in a run. */
export interface Detail {
  /** Hexadecimal, as in keys. */
  readonly lease?: string;
  readonly key?: string;
  readonly token?: number;
  readonly value?: string;
  readonly revision?: number;
  /** Of a counter or register: whether it was written through `guard()`. */
  readonly fenced?: boolean;
  readonly count?: number;
  readonly error?: string;
}

export interface BeginRecord {
  readonly what: "begin";
  /** Counts within the process. */
  readonly op: number;
  readonly at: Micros;
  readonly kind: OperationKind;
  readonly name: string;
  readonly detail?: Detail;
}

export interface EndRecord {
  readonly what: "end";
  readonly op: number;
  readonly at: Micros;
  readonly outcome: Outcome;
  readonly detail?: Detail;
}

/** A look at `held` that said true: it was read at some moment between the two. */
export interface Look {
  readonly before: Micros;
  readonly after: Micros;
}

type HoldingKind = "mutex" | "leader" | "read" | "write" | "barrier";

/** Written again and again while the belief lasts; the last one counts, so that a killed process has one too. */
export interface BeliefRecord {
  readonly what: "belief";
  /** Counts within the process. */
  readonly belief: number;
  readonly kind: HoldingKind;
  readonly name: string;
  readonly key: string;
  /** 0 for a barrier, which has none. */
  readonly token: number;
  readonly lease: string;
  readonly first: Look;
  readonly last: Look;
}

/** One word of an observer, of an election or a group. */
export interface SightRecord {
  readonly what: "sight";
  /** Which observation: counts within the process. */
  readonly observation: number;
  readonly of: "election" | "group";
  readonly name: string;
  readonly at: Micros;
  /** Of an election: the key that leads, its token and value; `null`: nobody. */
  readonly leader?: { readonly key: string; readonly token: number; readonly value: string } | null;
  readonly event?: {
    readonly type: "joined" | "updated" | "left" | "died";
    readonly id: string;
    readonly revision: number;
    /** Of the entry that is told of. */
    readonly modRevision: number;
    readonly witnessed?: boolean;
  };
}

export type TrafficRecord = BeginRecord | EndRecord | BeliefRecord | SightRecord;

/** What the run itself does to the cluster, the keys and the processes. */
export interface FaultRecord {
  readonly what: "fault";
  readonly kind: string;
  /** Whom it hits: a member, a client process, a key. */
  readonly target: string;
  readonly begin: Micros;
  readonly end: Micros;
  /** A key that was deleted, with the create revision it had; or all keys of a lease. */
  readonly deleted?: { readonly key: string; readonly token: number };
  readonly revoked?: string;
  readonly compacted?: number;
}

/** One change of one key, as etcd's watch tells it. */
export interface KeyEvent {
  readonly type: "put" | "delete";
  readonly key: string;
  readonly revision: number;
  /** Of the key; of the deleted one for a deletion. */
  readonly createRevision: number;
  readonly value: string;
  /** Hexadecimal; `0` for none. */
  readonly lease: string;
  /** When the run heard of it: it was so by then. */
  readonly at: Micros;
}
