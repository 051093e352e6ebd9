import type { CallOptions, Interceptor, InterceptorProvider } from "@grpc/grpc-js";
import { noop } from "cockatiel";
import {
  type CallContext,
  ClientClosedError,
  castGrpcError,
  Etcd3,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCAlreadyExistsError,
  GRPCUnauthenticatedError,
  type ICompare,
  type IKeyValue,
  type IOptions,
  type IRangeRequest,
  type IRangeResponse,
  type IRequestOp,
  type IResponseOp,
  type IResponseStream,
  type ITxnRequest,
  type ITxnResponse,
  isRecoverableError,
} from "etcd3";
import { Authentication, INVALID_TOKEN } from "./authentication.js";
import { openChannel } from "./channel.js";
import {
  type Call,
  type Compare,
  type Etcd,
  EtcdFailure,
  type FailureKind,
  type KeyValue,
  type Op,
  type OpResult,
  type RangeRequest,
  type RangeResult,
  type StreamEvents,
  type TimeToLive,
  type TimeToLiveCall,
  type Txn,
  type TxnResult,
} from "./etcd.js";
import { grpc } from "./grpc.js";
import { neededForRange, neededForTxn } from "./permissions.js";

// A catch-up larger than gRPC's 4 MiB would be dropped whole; subchannels shared by the process can hang for good when
// a connection is half open.
const CHANNEL = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.max_receive_message_length": 64 << 20,
  channelFactoryOverride: openChannel,
};
const AUTHENTICATE_DEADLINE_MS = 2_000;
/** Of each of the four attempts that etcd3 makes; by itself it would wait for a frozen member for ever. */
const CLIENT_ATTEMPT_MS = 2_000;

// A member that lost its quorum is silent, to streams for ever and to calls for seconds, unless they ask for a leader (etcd,
// server/etcdserver/api/v3rpc/interceptor.go): then it says at once that it has none.
const requireLeader: Interceptor = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      const own = metadata.clone();
      own.set("hasleader", "true");
      next(own, listener);
    },
  });

// etcd says so of a signed token (JWT) once any user or role was changed (api/v3rpc/rpctypes/error.go)
const OLD_TOKEN = "revision of auth store is old";

// etcd3 asks for another token only where etcd calls the one it has invalid.
const oldTokenIsInvalid: Interceptor = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall(options), {
    start(metadata, _, next) {
      next(metadata, {
        onReceiveStatus(status, pass) {
          const old = status.details.includes(OLD_TOKEN);
          pass(old ? { ...status, details: INVALID_TOKEN } : status);
        },
      });
    },
  });

/** The options of a client that the user made; undefined if it is not one of this etcd3. */
export function optionsOf(client: unknown): IOptions | undefined {
  if (!(client instanceof Etcd3)) return undefined;
  // etcd3 keeps them under this name, though its types hide it (lib/namespace.js)
  return (client as unknown as { options: IOptions }).options;
}

/**
 * The client a user reads and writes with: etcd3's own, but without the breaker that blocks all calls after one bad member, and with a
 * deadline where the user gives none.
 */
export function userClient(options: IOptions): Etcd3 {
  const own = withInterceptors(options, []);
  return new Etcd3({
    ...options,
    grpcOptions: { ...CHANNEL, ...options.grpcOptions },
    faultHandling: { host: () => noop, ...options.faultHandling },
    defaultCallOptions: (context) => ({ ...deadlineOf(context), ...own(context) }),
  });
}

function deadlineOf({ service, method, isStream }: CallContext): CallOptions {
  // what takes longer the larger the database is
  const long = service === "Maintenance" || method === "compact";
  return isStream || long ? {} : { deadline: Date.now() + CLIENT_ATTEMPT_MS };
}

/** The port on one member, by a client of its own: no breaker, no retry, failover is ours. */
export function openMember(options: IOptions, host: string): Etcd {
  const { auth } = options;
  if (!auth) return new Etcd3Member(new Etcd3(memberOptions(options, host, [])));
  const authentication = new Authentication(() => authenticate(options, auth, host));
  const own = memberOptions(options, host, [authentication.interceptor]);
  return new Etcd3Member(new AuthenticatedClient(own, authentication));
}

/** Without `auth`: etcd3 would ask for tokens itself. */
function memberOptions(options: IOptions, host: string, more: Interceptor[]): IOptions {
  const { auth, ...others } = options;
  return {
    ...others,
    hosts: host,
    grpcOptions: { ...CHANNEL, ...options.grpcOptions },
    faultHandling: { host: () => noop, global: noop },
    defaultCallOptions: withInterceptors(options, [requireLeader, ...more]),
  };
}

/** Asks `host` for a token, over a connection for this one time: one that lay idle since the last time may be half open. */
async function authenticate(
  options: IOptions,
  { username: name, password, callOptions }: NonNullable<IOptions["auth"]>,
  host: string,
): Promise<string> {
  const params = { name, password };
  const own =
    typeof callOptions === "function"
      ? callOptions({ service: "Auth", method: "authenticate", isStream: false, params })
      : callOptions;
  const client = new Etcd3(memberOptions(options, host, []));
  try {
    const deadline = Date.now() + AUTHENTICATE_DEADLINE_MS;
    const { token } = await client.auth.authenticate(params, { deadline, ...own });
    return token;
  } finally {
    client.close();
  }
}

/**
 * Each call and stream waits for a token, a call until its deadline at most. etcd3 makes a call again whose token was refused, by `exec`,
 * until then too.
 */
class AuthenticatedClient extends Etcd3 {
  constructor(options: IOptions, authentication: Authentication) {
    super(options);
    const { pool } = this;
    const exec = pool.exec.bind(pool);
    pool.exec = async (service, method, payload, options) => {
      if (options?.deadline) await authentication.ready(Number(options.deadline) - Date.now());
      return exec(service, method, payload, options);
    };
    const withConnection = pool.withConnection.bind(pool);
    pool.withConnection = async (service, run, hosts) => {
      const metadata = await authentication.metadata();
      return withConnection(service, (connection) => run({ ...connection, metadata }), hosts);
    };
  }
}

/** What the user gave for each call and stream, and `ours`. */
function withInterceptors(
  { defaultCallOptions, auth }: IOptions,
  ours: Interceptor[],
): (context: CallContext) => CallOptions {
  // the innermost, so that ours hear of an old token as of any that is not valid
  const ofCalls = auth ? [...ours, oldTokenIsInvalid] : ours;
  return (context) => {
    const own =
      typeof defaultCallOptions === "function" ? defaultCallOptions(context) : defaultCallOptions;
    const more = context.isStream ? ours : ofCalls;
    if (more.length === 0) return { ...own };
    const { interceptors = [], interceptor_providers = [] } = own ?? {};
    const theirs = [...interceptors, ...interceptor_providers.map(provided)];
    return { ...own, interceptors: [...theirs, ...more], interceptor_providers: [] };
  };
}

/** grpc-js takes interceptors or providers of them, not both. One that gives nothing for a method passes its calls by. */
function provided(provider: InterceptorProvider): Interceptor {
  return (options, nextCall) => {
    const interceptor: Interceptor | undefined = provider(options.method_definition);
    return interceptor?.(options, nextCall) ?? new grpc.InterceptingCall(nextCall(options));
  };
}

class Etcd3Member implements Etcd {
  constructor(readonly client: Etcd3) {}

  async txn(txn: Txn, call: Call): Promise<TxnResult> {
    const reply = this.client.kv.txn(fromTxn(txn), toOptions(call));
    return toTxnResult(await attempt(reply, () => neededForTxn(txn)));
  }

  async range(request: RangeRequest, call: Call): Promise<RangeResult> {
    const reply = this.client.kv.range(fromRange(request), toOptions(call));
    return toRangeResult(await attempt(reply, () => neededForRange(request)));
  }

  async leaseGrant(lease: bigint, ttl: number, call: Call): Promise<number> {
    const request = { ID: String(lease), TTL: ttl };
    const granted = await attempt(this.client.leaseClient.leaseGrant(request, toOptions(call)));
    return Number(granted.TTL);
  }

  async leaseRevoke(lease: bigint, call: Call): Promise<void> {
    const request = { ID: String(lease) };
    await attempt(this.client.leaseClient.leaseRevoke(request, toOptions(call)));
  }

  async leaseTimeToLive(lease: bigint, call: TimeToLiveCall): Promise<TimeToLive> {
    const request = { ID: String(lease), keys: call.keys === true };
    const left = await attempt(this.client.leaseClient.leaseTimeToLive(request, toOptions(call)));
    return { ttl: Number(left.TTL), grantedTtl: Number(left.grantedTTL), keys: left.keys };
  }

  keepAlive(events: Parameters<Etcd["keepAlive"]>[0]) {
    const stream = new Stream(this.client.leaseClient.leaseKeepAlive(), {
      message: (reply) => events.message({ lease: BigInt(reply.ID), ttl: Number(reply.TTL) }),
      end: events.end,
    });
    return {
      send: (lease: bigint) => stream.write({ ID: String(lease) }),
      close: () => stream.close(),
      cancel: () => stream.cancel(),
    };
  }

  watch(events: Parameters<Etcd["watch"]>[0]) {
    const stream = new Stream(this.client.watchClient.watch(), {
      message: (reply) =>
        events.message({
          id: BigInt(reply.watch_id),
          revision: BigInt(reply.header.revision),
          created: reply.created,
          canceled: reply.canceled,
          compactRevision: BigInt(reply.compact_revision),
          cancelReason: reply.cancel_reason,
          fragment: reply.fragment,
          events: reply.events.map((event) => ({
            type: event.type === "Put" ? "put" : "delete",
            kv: toKeyValue(event.kv),
            ...(event.prev_kv && { prevKv: toKeyValue(event.prev_kv) }),
          })),
        }),
      end: events.end,
    });
    return {
      create: (watch: Parameters<ReturnType<Etcd["watch"]>["create"]>[0]) =>
        stream.write({
          create_request: {
            key: watch.key,
            ...(watch.rangeEnd && { range_end: watch.rangeEnd }),
            start_revision: String(watch.startRevision),
            watch_id: String(watch.id),
            prev_kv: watch.prevKv,
            fragment: true,
          },
        }),
      cancelWatch: (id: bigint) => stream.write({ cancel_request: { watch_id: String(id) } }),
      requestProgress: () => stream.write({ progress_request: {} }),
      close: () => stream.close(),
      cancel: () => stream.cancel(),
    };
  }

  reconnect(): void {
    // what etcd3 does itself when a call fails, though its types hide it (lib/connection-pool.js)
    const { pool } = this.client as unknown as { pool: { hosts: { resetAllServices(): void }[] } };
    for (const host of pool.hosts) host.resetAllServices();
  }

  close(): void {
    this.client.close();
  }
}

interface Duplex<Request, Reply> extends IResponseStream<Reply> {
  write(request: Request): void;
  end(): void;
  cancel(): void;
}

/** etcd3 opens a stream behind a promise; this one takes writes and a cancellation at once. */
class Stream<Request, Reply> {
  #duplex: Duplex<Request, Reply> | undefined;
  #early: Request[] = [];
  #over = false;

  constructor(
    opening: Promise<Duplex<Request, Reply>>,
    readonly events: StreamEvents<Reply>,
  ) {
    opening.then(
      (duplex) => this.#opened(duplex),
      (error) => this.#end(error),
    );
  }

  write(request: Request): void {
    if (this.#over) return;
    if (this.#duplex) this.#duplex.write(request);
    else this.#early.push(request);
  }

  close(): void {
    // etcd3 closes all connections to a member of which a stream fails that is still written to (lib/rpc.js)
    this.#duplex?.end();
    this.cancel();
  }

  cancel(): void {
    this.#over = true;
    this.#duplex?.cancel();
  }

  #opened(duplex: Duplex<Request, Reply>): void {
    // an error of a stream already given up must still have a listener
    duplex.on("error", (error) => this.#end(error));
    duplex.on("end", () =>
      this.#end(new EtcdFailure("unavailable", "the stream was ended by etcd")),
    );
    duplex.on("data", (reply) => {
      if (!this.#over) this.events.message(reply);
    });
    this.#duplex = duplex;
    if (this.#over) return this.close();
    for (const request of this.#early) duplex.write(request);
    this.#early = [];
  }

  #end(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.events.end(toFailure(error));
  }
}

async function attempt<Reply>(reply: Promise<Reply>, needed?: () => string): Promise<Reply> {
  try {
    return await reply;
  } catch (error) {
    const failure = toFailure(error);
    if (failure.kind !== "permission" || !needed) throw failure;
    const message = `${failure.message}; this needs permission to ${needed()}`;
    throw new EtcdFailure("permission", message, { cause: error });
  }
}

function toFailure(thrown: unknown): EtcdFailure {
  if (thrown instanceof EtcdFailure) return thrown;
  // etcd3 does this for the errors of calls, not for those of streams
  const error = thrown instanceof Error ? castGrpcError(thrown) : thrown;
  const message = error instanceof Error ? error.message : String(error);
  return new EtcdFailure(failureKind(error, message), message, { cause: error });
}

// etcd's own sentences are in api/v3rpc/rpctypes/error.go
function failureKind(error: unknown, message: string): FailureKind {
  if (error instanceof EtcdLeaseInvalidError) return "lease-not-found";
  if (message.includes("lease already exists")) return "lease-exists";
  if (error instanceof EtcdInvalidAuthTokenError) return "token";
  if (message.includes(OLD_TOKEN)) return "token";
  if (message.includes("required revision has been compacted")) return "compacted";
  if (error instanceof EtcdPermissionDeniedError) return "permission";
  if (error instanceof EtcdAuthenticationFailedError) return "credentials";
  if (error instanceof GRPCUnauthenticatedError) return "credentials";
  if (message.includes("user name is empty")) return "credentials";
  if (error instanceof ClientClosedError) return "closed";
  if (error instanceof GRPCAlreadyExistsError) return "refused";
  if (message.includes("database space exceeded")) return "refused";
  // FAILED_PRECONDITION since 3.6, UNAVAILABLE before
  if (message.includes("not supported for learner")) return "unavailable";
  // gRPC's own limits are RESOURCE_EXHAUSTED as an overload is, but will not pass
  if (message.includes("larger than max")) return "too-large";
  return error instanceof Error && isRecoverableError(error) ? "unavailable" : "refused";
}

function toOptions(call: Call) {
  return { deadline: Date.now() + call.deadlineMs };
}

function fromTxn(txn: Txn): ITxnRequest {
  return {
    compare: txn.compare.map(fromCompare),
    success: txn.success.map(fromOp),
    failure: txn.failure.map(fromOp),
  };
}

function fromCompare(compare: Compare): ICompare {
  const own: ICompare = { key: compare.key, result: "Equal" };
  if (compare.rangeEnd) own.range_end = compare.rangeEnd;
  if ("createRevision" in compare) {
    own.target = "Create";
    own.create_revision = toInt64(compare.createRevision);
  } else if ("modRevision" in compare) {
    own.target = "Mod";
    own.mod_revision = toInt64(compare.modRevision);
  } else {
    own.target = "Lease";
    own.lease = toInt64(compare.lease);
  }
  return own;
}

function fromOp(op: Op): IRequestOp {
  if ("put" in op) {
    const { key, value, lease = 0n } = op.put;
    return { request_put: { key, value, lease: toInt64(lease) } };
  }
  if ("range" in op) return { request_range: fromRange(op.range) };
  if ("txn" in op) return { request_txn: fromTxn(op.txn) };
  const { key, rangeEnd } = op.deleteRange;
  return { request_delete_range: { key, ...(rangeEnd && { range_end: rangeEnd }) } };
}

/** Numbers are cheaper to encode than texts, where they are exact. */
function toInt64(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function fromRange(request: RangeRequest): IRangeRequest {
  const { key, rangeEnd, limit, revision, sort, keysOnly, countOnly, maxCreateRevision } = request;
  const own: IRangeRequest = { key };
  if (rangeEnd) own.range_end = rangeEnd;
  if (limit) own.limit = limit;
  if (revision) own.revision = toInt64(revision);
  if (keysOnly) own.keys_only = true;
  if (countOnly) own.count_only = true;
  if (maxCreateRevision) own.max_create_revision = toInt64(maxCreateRevision);
  if (sort) {
    own.sort_target = sort.by === "create" ? "Create" : "Key";
    own.sort_order = sort.order === "ascend" ? "Ascend" : "Descend";
  }
  return own;
}

function toTxnResult(reply: ITxnResponse): TxnResult {
  return {
    revision: BigInt(reply.header.revision),
    succeeded: reply.succeeded,
    results: reply.responses.map(toOpResult),
  };
}

function toOpResult({ response_range, response_txn }: IResponseOp): OpResult {
  const result: OpResult = {};
  if (response_range) result.range = toRangeResult(response_range);
  if (response_txn) result.txn = toTxnResult(response_txn);
  return result;
}

function toRangeResult(reply: IRangeResponse): RangeResult {
  return {
    // inside a transaction etcd leaves the part's header empty or without a revision
    revision: BigInt(reply.header?.revision ?? 0),
    kvs: reply.kvs.map(toKeyValue),
    more: reply.more,
    count: Number(reply.count),
  };
}

function toKeyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key,
    value: kv.value,
    createRevision: BigInt(kv.create_revision),
    modRevision: BigInt(kv.mod_revision),
    version: BigInt(kv.version),
    lease: BigInt(kv.lease),
  };
}
