import type {
  Call,
  Etcd,
  KeepAliveReply,
  KeepAliveStream,
  RangeRequest,
  RangeResult,
  StreamEvents,
  TimeToLive,
  TimeToLiveCall,
  Txn,
  TxnResult,
  WatchReply,
  WatchStream,
} from "@etcdkit/core/internal";
import type { WatchFeed, WatchRequest } from "../etcd/watch-hub.js";
import { fragmented } from "./fragments.js";
import type { Link } from "./link.js";
import type { SimulatedMember } from "./member.js";
import type { SimulatedProcess } from "./process.js";
import { SimulatedStream } from "./stream.js";
import { unaryCall } from "./unary-call.js";

/** Core's port, as one process has it to one member. */
export class RemoteEtcd implements Etcd {
  readonly #way: { process: SimulatedProcess; member: SimulatedMember; link: Link };
  readonly #streams = new Set<{ cancel(): void }>();

  constructor(process: SimulatedProcess, member: SimulatedMember, link: Link) {
    this.#way = { process, member, link };
  }

  txn(txn: Txn, call: Call): Promise<TxnResult> {
    return this.#call("txn", call, () => this.#etcd.txn(txn));
  }

  range(request: RangeRequest, call: Call): Promise<RangeResult> {
    return this.#call("range", call, () => this.#etcd.range(request));
  }

  leaseGrant(lease: bigint, ttl: number, call: Call): Promise<number> {
    return this.#call("grant", call, () => this.#etcd.grant(lease, ttl));
  }

  leaseRevoke(lease: bigint, call: Call): Promise<void> {
    return this.#call("revoke", call, () => this.#etcd.revoke(lease));
  }

  leaseTimeToLive(lease: bigint, call: TimeToLiveCall): Promise<TimeToLive> {
    return this.#call("time to live", call, () => {
      const left = this.#etcd.timeToLive(lease);
      return call.keys ? left : { ...left, keys: [] };
    });
  }

  keepAlive(events: StreamEvents<KeepAliveReply>): KeepAliveStream {
    const { member } = this.#way;
    const stream = new SimulatedStream<bigint, KeepAliveReply>(this.#way, events, (own) => ({
      request: (lease) => member.whenLed(() => own.reply({ lease, ttl: this.#etcd.renew(lease) })),
      closed: () => undefined,
    }));
    this.#streams.add(stream);
    const cancel = () => this.#cancel(stream);
    return { send: (lease) => stream.send(lease), close: cancel, cancel };
  }

  watch(events: StreamEvents<WatchReply>): WatchStream {
    const { member, link } = this.#way;
    type Request = (feed: WatchFeed) => void;
    const stream = new SimulatedStream<Request, WatchReply>(this.#way, events, (own) => {
      const send = (reply: WatchReply) =>
        member.arrive(() => {
          for (const part of fragmented(reply, link.random)) own.reply(part);
        });
      const feed = member.hub.open(send);
      return { request: (request) => request(feed), closed: () => feed.close() };
    });
    this.#streams.add(stream);
    const cancel = () => this.#cancel(stream);
    return {
      create: (watch: WatchRequest) =>
        stream.send((feed) => {
          feed.create(watch);
          if (member.hub.unsynced) member.syncSoon();
        }),
      cancelWatch: (id) => stream.send((feed) => feed.cancel(id)),
      requestProgress: () => stream.send((feed) => feed.progress()),
      close: cancel,
      cancel,
    };
  }

  /** Every call and stream has a connection of its own here: what befalls one, is lost or late, holds up no other. */
  reconnect(): void {}

  close(): void {
    for (const stream of [...this.#streams]) this.#cancel(stream);
  }

  get #etcd() {
    return this.#way.member.cluster.etcd;
  }

  #cancel(stream: { cancel(): void }): void {
    this.#streams.delete(stream);
    stream.cancel();
  }

  #call<T>(what: string, call: Call, serve: () => T): Promise<T> {
    const { process, member } = this.#way;
    const { history } = member.cluster;
    return unaryCall(this.#way, call, () => {
      history.add(`${process.name} m${member.index} ${what} at ${member.hub.store.revision}`);
      return serve();
    });
  }
}
