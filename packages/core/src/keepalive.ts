import type { Clock, Timer } from "./clock.js";
import type { Deadline } from "./deadline.js";
import type { Etcd, EtcdFailure, KeepAliveReply, KeepAliveStream } from "./etcd.js";
import type { Members } from "./members.js";

/** A lease as the keep-alive sees it. */
export interface Renewable {
  readonly id: bigint;
  readonly ttlMs: number;
  readonly deadline: Deadline;
  /** A renewal went unanswered for longer than it should (true), or one is answered again (false). */
  suspended(is: boolean): void;
  /** The deadline has passed. */
  expired(): void;
  /** etcd says that the lease is gone. */
  gone(): void;
}

interface Renewal {
  readonly lease: Renewable;
  /** When the next renewal is to be sent. */
  due: number;
  /** Send times not yet answered on this stream, oldest first: replies of one lease come in order. */
  sent: number[];
  /** Since when a renewal is owed an answer, over all streams. */
  waitingSince: number | undefined;
  /** Nothing is to be done about it before: a number to compare, since thousands are passed over at each tick. */
  restsUntil: number;
}

// Renewals that fall due within this are sent early, together, so that etcd's answers come together too: half the work of one by one.
const TOGETHER_MS = 100;
const SHORTEST_TICK_MS = 20;
// A tick later than this means that this process stood still: answers may lie in the socket, unread.
const STALL_MS = 250;
const LONGEST_UNANSWERED_MS = 1_500;
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;

/** One stream renews all leases of a connection. */
export class KeepAlive {
  readonly #members: Members;
  readonly #clock: Clock;
  readonly #renewals = new Map<bigint, Renewal>();
  #stream: KeepAliveStream | undefined;
  #member: Etcd | undefined;
  /** When the present stream last showed life: an answer to any lease, or its opening. */
  #heardAt = 0;
  #reopenAt = 0;
  #backoffMs = 0;
  #timer: Timer | undefined;
  #wakeAt = 0;

  constructor(members: Members, clock: Clock) {
    this.#members = members;
    this.#clock = clock;
  }

  has(id: bigint): boolean {
    return this.#renewals.has(id);
  }

  /** Renews `lease` from now on. `renewAt` is when first. */
  add(lease: Renewable, renewAt: number): void {
    const restsUntil = Math.min(renewAt, lease.deadline.at);
    const renewal = { lease, due: renewAt, sent: [], waitingSince: undefined, restsUntil };
    this.#renewals.set(lease.id, renewal);
    this.#wakeBy(restsUntil);
  }

  /** Never renews `lease` again. */
  remove(lease: Renewable): void {
    if (this.#renewals.get(lease.id)?.lease !== lease) return;
    this.#renewals.delete(lease.id);
    if (this.#renewals.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#drop();
  }

  #tick(): void {
    const now = this.#clock.now();
    const stalled = now - this.#wakeAt > STALL_MS;
    this.#timer = undefined;
    // the answers in the socket are read first, and the silence of the stream counts from here
    if (stalled) this.#heardAt = now;
    let silent = false;
    for (const { lease, waitingSince, restsUntil } of this.#renewals.values()) {
      if (now < restsUntil) continue;
      if (lease.deadline.passed) {
        lease.expired();
      } else if (!stalled && waitingSince !== undefined && now >= waitingSince + patience(lease)) {
        lease.suspended(true);
        silent ||= now >= this.#heardAt + patience(lease);
      }
    }
    if (this.#renewals.size === 0) return;
    if (silent) this.#reopen(now, true);
    else if (!this.#stream && now >= this.#reopenAt) this.#open(now);
    for (const renewal of this.#renewals.values()) {
      if (now + TOGETHER_MS < renewal.restsUntil) continue;
      if (now + TOGETHER_MS >= renewal.due) this.#renew(renewal, now);
      renewal.restsUntil = this.#nextLook(renewal, now);
    }
    this.#scheduleNext(now + SHORTEST_TICK_MS);
  }

  #nextLook({ lease, due, waitingSince }: Renewal, now: number): number {
    const next = Math.min(due, lease.deadline.at);
    if (waitingSince === undefined) return next;
    const suspendedAt = waitingSince + patience(lease);
    const silentAt = this.#heardAt + patience(lease);
    return Math.min(next, suspendedAt > now ? suspendedAt : silentAt);
  }

  #scheduleNext(earliest: number): void {
    let next = this.#stream ? Number.POSITIVE_INFINITY : this.#reopenAt;
    for (const { restsUntil } of this.#renewals.values()) {
      if (restsUntil < next) next = restsUntil;
    }
    this.#wakeBy(Math.max(next, earliest));
  }

  #wakeBy(at: number): void {
    if (this.#timer && this.#wakeAt <= at) return;
    this.#timer?.cancel();
    this.#wakeAt = at;
    const delayMs = Math.max(Math.ceil(at - this.#clock.now()), 0);
    this.#timer = this.#clock.setTimer(delayMs, () => this.#tick());
  }

  #renew(renewal: Renewal, now: number): void {
    renewal.waitingSince ??= now;
    renewal.due = now + renewal.lease.ttlMs / 3;
    if (!this.#stream && now >= this.#reopenAt) this.#open(now);
    if (!this.#stream) return;
    renewal.sent.push(now);
    this.#stream.send(renewal.lease.id);
  }

  #open(now: number): void {
    const member = this.#members.current;
    this.#member = member;
    this.#heardAt = now;
    const stream = member.keepAlive({
      message: (reply) => this.#answered(reply),
      end: (error) => {
        if (this.#stream === stream) void this.#ended(member, error);
      },
    });
    this.#stream = stream;
    // what the last stream left unanswered is asked again at once
    for (const renewal of this.#renewals.values()) {
      if (renewal.waitingSince !== undefined) renewal.due = renewal.restsUntil = now;
    }
  }

  #drop(): void {
    this.#stream?.cancel();
    this.#stream = undefined;
    for (const renewal of this.#renewals.values()) renewal.sent = [];
  }

  /** Gives the stream up and opens another on the next member, at once or after the backoff. */
  #reopen(now: number, atOnce: boolean): void {
    if (this.#member) this.#members.failed(this.#member);
    this.#drop();
    this.#reopenAt = atOnce ? now : now + this.#backoffMs;
    this.#backoffMs = Math.min(Math.max(this.#backoffMs * 2, FIRST_BACKOFF_MS), LONGEST_BACKOFF_MS);
    if (this.#members.closed || this.#renewals.size === 0) return;
    if (atOnce) this.#open(now);
    else this.#wakeBy(this.#reopenAt);
  }

  async #ended(member: Etcd, error: EtcdFailure): Promise<void> {
    this.#drop();
    if (error.kind === "token") await this.#members.refreshToken(member);
    if (!this.#stream) this.#reopen(this.#clock.now(), false);
  }

  #answered({ lease: id, ttl }: KeepAliveReply): void {
    this.#backoffMs = 0;
    // who answers others is alive, however late it is: a new stream would only make it do its work again
    this.#heardAt = this.#clock.now();
    const renewal = this.#renewals.get(id);
    const sentAt = renewal?.sent.shift();
    if (!renewal || sentAt === undefined) return;
    const { lease } = renewal;
    if (ttl <= 0) return lease.gone();
    lease.deadline.acknowledge(sentAt, ttl * 1_000);
    if (lease.deadline.passed) return lease.expired();
    renewal.waitingSince = renewal.sent[0];
    renewal.due = sentAt + lease.ttlMs / 3;
    if (renewal.due < renewal.restsUntil) renewal.restsUntil = renewal.due;
    lease.suspended(false);
  }
}

/** How long a renewal may go unanswered before that is a fault. */
function patience({ ttlMs }: Renewable): number {
  return Math.min(ttlMs / 6, LONGEST_UNANSWERED_MS);
}
