import type { Clock, Timer } from "./clock.js";
import type { Deadline } from "./deadline.js";
import type { EtcdFailure, KeepAliveReply } from "./etcd.js";
import type { Members } from "./members.js";
import { RenewalStream } from "./renewal-stream.js";

/** A lease as the keep-alive sees it. */
export interface Renewable {
  readonly id: bigint;
  readonly ttlMs: number;
  readonly deadline: Deadline;
  /** A renewal went unanswered for longer than it should, or met a `refusal` (true), or one is answered again (false). */
  suspended(is: boolean, refusal?: EtcdFailure): void;
  /** The deadline has passed. */
  expired(): void;
  /** etcd says that the lease is gone. */
  gone(): void;
}

interface Renewal {
  readonly lease: Renewable;
  /** When the next renewal is to be sent. */
  due: number;
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
// With the present one, answers that take three times as long as a renewal may go unanswered, half a short TTL, are still heard.
const SILENT_STREAMS = 2;
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;

/**
 * One stream renews all leases of a connection. Where it falls silent, another one asks beside it, on the next member, or over a new
 * connection: it may be that nothing is wrong but that answers are slow. The first of them to answer anything is the one from then on.
 */
export class KeepAlive {
  readonly #members: Members;
  readonly #clock: Clock;
  readonly #renewals = new Map<bigint, Renewal>();
  #stream: RenewalStream | undefined;
  /** Those before it that may yet answer, oldest first. */
  #silent: RenewalStream[] = [];
  /** When a stream last showed life: an answer to any lease, or the opening of the present one. */
  #heardAt = 0;
  /** What was overdue at the last look, which came late itself, was let pass: this time it counts. */
  #excused = false;
  /** That etcd does not accept the credentials, as long as nothing is answered since. */
  #refusal: EtcdFailure | undefined;
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
    const renewal = { lease, due: renewAt, waitingSince: undefined, restsUntil };
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
    // the answers in the socket are read first; but only once, or nothing is ever overdue where every look is late
    const excuse = !this.#excused && now - this.#wakeAt > STALL_MS;
    this.#excused = false;
    this.#timer = undefined;
    let silent = false;
    for (const { lease, waitingSince, restsUntil } of this.#renewals.values()) {
      if (now < restsUntil) continue;
      if (lease.deadline.passed) {
        lease.expired();
      } else if (waitingSince !== undefined && now >= waitingSince + patience(lease)) {
        if (excuse) {
          this.#excused = true;
          continue;
        }
        lease.suspended(true, this.#refusal);
        silent ||= now >= this.#heardAt + patience(lease);
      }
    }
    if (this.#renewals.size === 0) return;
    if (silent) this.#openBeside(now);
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
    const told = suspendedAt <= now && !this.#excused;
    return Math.min(next, told ? silentAt : suspendedAt);
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
    this.#stream.send(renewal.lease.id, now);
  }

  #open(now: number): void {
    this.#heardAt = now;
    this.#stream = new RenewalStream(this.#members.current, {
      answered: (stream, reply, sentAt) => this.#answered(stream, reply, sentAt),
      ended: (stream, error) => void this.#ended(stream, error),
    });
    this.#askAgain(now);
  }

  /** What is owed an answer, but not by the present stream, is asked there at once. */
  #askAgain(now: number): void {
    for (const renewal of this.#renewals.values()) {
      if (renewal.waitingSince === undefined) continue;
      if (this.#stream?.waitingSince(renewal.lease.id) === undefined) {
        renewal.due = renewal.restsUntil = now;
      }
    }
  }

  #drop(): void {
    for (const stream of this.#silent) stream.cancel();
    this.#silent = [];
    this.#stream?.close();
    this.#stream = undefined;
  }

  #openBeside(now: number): void {
    if (this.#stream) {
      this.#members.failed(this.#stream.member);
      this.#silent.push(this.#stream);
      if (this.#silent.length > SILENT_STREAMS) this.#silent.shift()?.cancel();
      // it may be the connection that is dead, and not the member
      const { current } = this.#members;
      if (this.#silent.some(({ member }) => member === current)) current.reconnect();
    }
    this.#open(now);
  }

  async #ended(stream: RenewalStream, error: EtcdFailure): Promise<void> {
    this.#silent = this.#silent.filter((other) => other !== stream);
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    if (error.kind === "credentials") this.#allRefused(error);
    if (error.kind === "token") await this.#members.refreshToken(stream.member);
    else if (!this.#refused(stream, error)) this.#members.failed(stream.member);
    if (this.#stream || this.#members.closed || this.#renewals.size === 0) return;
    this.#reopenAt = this.#clock.now() + this.#backoffMs;
    this.#backoffMs = Math.min(Math.max(this.#backoffMs * 2, FIRST_BACKOFF_MS), LONGEST_BACKOFF_MS);
    this.#wakeBy(this.#reopenAt);
  }

  /**
   * Whether it was over one renewal that the stream was ended: etcd leaves unread what came after one that it refuses. Its lease is not
   * asked for again before it is due, and after all others from then on, so that it does not keep them from being renewed.
   */
  #refused(stream: RenewalStream, error: EtcdFailure): boolean {
    const { next } = stream;
    if (error.kind !== "permission" || next === undefined) return false;
    // an answer, of which there may be one for each lease: not to be waited for longer and longer, nor asked for without a pause
    this.#backoffMs = FIRST_BACKOFF_MS;
    const renewal = this.#renewals.get(next);
    if (!renewal) return true;
    this.#renewals.delete(next);
    this.#renewals.set(next, renewal);
    renewal.waitingSince = undefined;
    renewal.lease.suspended(true, error);
    return true;
  }

  /** It is why none is renewed that is owed an answer, until one is. */
  #allRefused(error: EtcdFailure): void {
    this.#refusal = error;
    for (const { lease, waitingSince } of this.#renewals.values()) {
      if (waitingSince !== undefined) lease.suspended(true, error);
    }
  }

  #answered(
    stream: RenewalStream,
    { lease: id, ttl }: KeepAliveReply,
    sentAt: number | undefined,
  ): void {
    this.#backoffMs = 0;
    this.#refusal = undefined;
    // who answers others is alive, however late it is: a new stream would only make it do its work again
    this.#heardAt = this.#clock.now();
    if (this.#silent.length > 0) this.#goOnBy(stream);
    const renewal = this.#renewals.get(id);
    if (!renewal || sentAt === undefined) return;
    const { lease } = renewal;
    if (ttl <= 0) return lease.gone();
    lease.deadline.acknowledge(sentAt, ttl * 1_000);
    if (lease.deadline.passed) return lease.expired();
    renewal.waitingSince = stream.waitingSince(id);
    renewal.due = sentAt + lease.ttlMs / 3;
    if (renewal.due < renewal.restsUntil) renewal.restsUntil = renewal.due;
    lease.suspended(false);
  }

  #goOnBy(stream: RenewalStream): void {
    const others = [...this.#silent, this.#stream].filter((other) => other !== stream);
    for (const other of others) other?.cancel();
    this.#silent = [];
    this.#stream = stream;
    const now = this.#clock.now();
    this.#askAgain(now);
    this.#wakeBy(now);
  }
}

/** How long a renewal may go unanswered before that is a fault. */
function patience({ ttlMs }: Renewable): number {
  return Math.min(ttlMs / 6, LONGEST_UNANSWERED_MS);
}
