import type { Connection } from "@etcdkit/core";
import {
  checkOptions,
  checkSignal,
  describe,
  type EtcdConnection,
  internals,
  listRange,
  promptly,
} from "@etcdkit/core/internal";
import type { MemberInfo } from "./entry.js";
import type { MemberEvent } from "./events.js";
import { checkId, Layout } from "./layout.js";
import { Member } from "./member.js";
import { checkMetadata, type JsonObject } from "./metadata.js";
import { Registration } from "./registration.js";
import { membersAmong } from "./roster.js";
import { checkSuspicion, type SuspicionOptions } from "./suspicion.js";
import { watchMembers } from "./watch-members.js";

export interface JoinOptions {
  /** Names the member in its group: at most 255 characters, no slash, no control characters. */
  id: string;
  /** For others to see: what JSON can carry, at most 64 KiB of it. Default: empty. */
  metadata?: JsonObject | undefined;
  /** Seconds between the death of this process and its being told as `died`; a whole number of at least 2. Default 15. */
  ttl?: number | undefined;
  /** Abandons the joining; later, leaves. */
  signal?: AbortSignal | undefined;
  /** Replaces the member that has this id now, if any: for a process that is started again under its old name. Default false. */
  takeOver?: boolean | undefined;
}

export interface WatchOptions {
  /** Ends the watch, without an error. */
  signal?: AbortSignal | undefined;
  /** How members are suspected before their TTL has run out; false: they are not, and no lease is read. */
  suspect?: false | SuspicionOptions | undefined;
}

const DEFAULT_TTL = 15;

/** Machines or processes that are to know which of them are alive. */
export class Group {
  readonly name: string;
  readonly #connection: EtcdConnection;
  readonly #layout: Layout;

  /** @throws TypeError if `etcd` is no Connection, or `name` is empty, has a NUL or is not well-formed text */
  constructor(etcd: Connection, name: string) {
    this.#connection = internals(etcd);
    this.#layout = new Layout(name);
    this.name = name;
  }

  /**
   * Resolves when the group sees the member, which it then does until this process dies or `leave()`.
   *
   * @throws TypeError, RangeError for bad arguments, before anything is sent; the reason of `signal`; MembershipError `ID_TAKEN`;
   *   CoordinationError `UNAVAILABLE` when no member of etcd answers within 10 s, `CONNECTION_CLOSED` when the connection is closed
   *   meanwhile, `PERMISSION_DENIED`, … None leaves a member behind.
   */
  async join(options: JoinOptions): Promise<Member> {
    if (typeof options !== "object" || options === null) {
      throw new TypeError(`join takes { id, … }, not ${describe(options)}`);
    }
    const { id, metadata = {}, ttl = DEFAULT_TTL, signal, takeOver = false } = options;
    checkId(id);
    checkSignal(signal);
    if (typeof takeOver !== "boolean") {
      throw new TypeError(`takeOver must be true or false, not ${describe(takeOver)}`);
    }
    const copy = checkMetadata(metadata);
    signal?.throwIfAborted();
    const application = { id, metadata: copy, ttl, takeOver, signal };
    const registration = await Registration.enter(this.#connection, this.#layout, application);
    const member = new Member(registration);
    leaveWith(member, signal);
    return member;
  }

  /**
   * All members now, by id: read from etcd, a thousand at a time, at one revision.
   *
   * @throws CoordinationError `UNAVAILABLE` when no member of etcd answers within 10 s, `PERMISSION_DENIED`, …
   */
  async members(): Promise<Map<string, MemberInfo>> {
    const patience = promptly(this.#connection.clock, this.#layout.what);
    const { kvs } = await listRange(this.#connection, this.#layout.range, patience);
    return membersAmong(kvs, this.#layout);
  }

  /**
   * First a `joined` for each member now, then each change, once and in order, whatever happens to etcd and the network
   * meanwhile. It goes on until `signal` aborts or the loop is left, and waits as long as etcd is away. Each loop over it is a watch of
   * its own.
   *
   * @throws TypeError, RangeError for bad arguments, at once; while it goes on, CoordinationError `PERMISSION_DENIED`, `REFUSED`, or
   *   `CONNECTION_CLOSED` when the connection is closed by this process
   */
  watch(options: WatchOptions = {}): AsyncIterable<MemberEvent> {
    checkOptions(options);
    const { signal, suspect = {} } = options;
    checkSignal(signal);
    const suspicion = checkSuspicion(suspect);
    const watch = () => watchMembers(this.#connection, this.#layout, { signal, suspicion });
    return { [Symbol.asyncIterator]: watch };
  }
}

function leaveWith(member: Member, signal: AbortSignal | undefined): void {
  if (!signal) return;
  const leave = () => void member.leave();
  if (signal.aborted) return leave();
  signal.addEventListener("abort", leave, { once: true });
  member.signal.addEventListener("abort", () => signal.removeEventListener("abort", leave), {
    once: true,
  });
}
