import type { Clock, Random, Timer } from "@etcdkit/core/internal";
import { Agenda } from "./agenda.js";
import { Budget } from "./budget.js";
import type { MemberInfo } from "./entry.js";
import type { ObserverRecovered, ObserverSuspected, Recovered, Suspected } from "./events.js";
import { CROWD, Inquiry } from "./inquiry.js";
import type { RosterEvent } from "./roster.js";
import type { Suspicion } from "./suspicion.js";

export interface LeaseLook {
  /** Whole seconds that are left, rounded down. */
  ttl: number;
  grantedTtl: number;
}

export interface Surroundings extends Suspicion {
  clock: Clock;
  random: Random;
  /** Undefined: no answer, or one that is too old to count. Never rejects. */
  look(leaseId: bigint): Promise<LeaseLook | undefined>;
  tell(event: Suspected | Recovered | ObserverSuspected | ObserverRecovered): void;
}

interface Subject {
  member: MemberInfo;
  /** When to look next. */
  due: number;
  looking: boolean;
  suspected: boolean;
  /** When it was last found silent, and how many seconds it had left at most; undefined: it was not, when it was last looked at. */
  silent: { at: number; atMost: number } | undefined;
}

const LOOKS_AT_ONCE = 32;
const NO_ANSWER_MS = 1_000;
/** Those found in the group at once are not looked at at once. */
const FIRST_LOOKS_MS = 1_000;
/** Seconds. */
const SHORT_TTL = 10;
/** Of so many, a crowd of twice the share that doubts the observer looks like less than that share once in thousands of times. */
const SAMPLE = 128;
const SAMPLE_MS = 2_000;
/** Remembered. */
const MOST_DEATHS = 10_000;

/**
 * Says who has missed a renewal of its lease, before the lease runs out. A member renews at each third of its TTL, so that two thirds
 * of it are always left. With less than half left it is silent. Then, when it has a third left, a sample of all is looked at:
 * whatever has befallen many at once shows in most of them by then. If it does, the observer is suspected, and nobody else.
 */
export class Detector {
  readonly #around: Surroundings;
  readonly #budget: Budget;
  /** By id. */
  readonly #subjects = new Map<string, Subject>();
  /** Whom to look at when. Who was put off since, or is gone, stays in it until that time. */
  readonly #agenda = new Agenda<Subject>();
  /** Looked at before all others. */
  readonly #urgent = new Set<Subject>();
  #looks = 0;
  #timer: Timer | undefined;
  #closed = false;
  #inquireAt: number | undefined;
  #inquiry: Inquiry<Subject> | undefined;
  /** How long what an inquiry has shown is good for. */
  #holdMs = 0;
  #trustedUntil = Number.NEGATIVE_INFINITY;
  /** Suspected on the word of the last inquiry, since it was made. */
  readonly #onTrust = new Set<Subject>();
  #observerSuspected = false;
  /** When members died, the last ones. */
  #deaths: number[] = [];

  constructor(around: Surroundings) {
    this.#around = around;
    this.#budget = new Budget(around.clock, around.readsPerSecond);
  }

  follow(event: RosterEvent): void {
    const { id, member } = event;
    const known = this.#subjects.get(id);
    const sameLease = known?.member.leaseId === member.leaseId;
    if (event.type === "updated" && known && sameLease) {
      known.member = member;
      return;
    }
    if (known) this.#forget(known);
    if (event.type === "died") this.#died();
    if (event.type === "left" || event.type === "died") return;
    // it has registered on another lease, so it lives
    if (known?.suspected) this.#around.tell({ type: "recovered", id, member });
    if (member.leaseId !== 0n) this.#add(member);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #add(member: MemberInfo): void {
    const { clock, random } = this.#around;
    const due = clock.now() + random.fraction() * FIRST_LOOKS_MS;
    const subject = { member, due, looking: false, suspected: false, silent: undefined };
    this.#subjects.set(member.id, subject);
    this.#agenda.add(due, subject);
    this.#setTimer(clock.now());
  }

  #putOff(subject: Subject, due: number): void {
    subject.due = due;
    this.#agenda.add(due, subject);
  }

  #forget(subject: Subject): void {
    this.#subjects.delete(subject.member.id);
    this.#urgent.delete(subject);
    this.#onTrust.delete(subject);
    if (!this.#inquiry) return;
    this.#inquiry.gone(subject);
    this.#setTimer(this.#around.clock.now());
  }

  /** At each look that ends, and when something is due: so that looks are spread as evenly as they may be. */
  #proceed(): void {
    const now = this.#around.clock.now();
    if (this.#inquireAt !== undefined && now >= this.#inquireAt) this.#inquire(now);
    this.#conclude(now);
    while (this.#looks < LOOKS_AT_ONCE) {
      const next = this.#next;
      if (!next || next.due > now || !this.#budget.take()) break;
      void this.#look(next.subject);
    }
    this.#setTimer(now);
  }

  /** Who is to be looked at next. */
  get #next(): { subject: Subject; due: number } | undefined {
    for (const subject of this.#urgent) {
      if (!subject.looking) return { subject, due: Number.NEGATIVE_INFINITY };
    }
    for (let next = this.#agenda.next; next; next = this.#agenda.next) {
      const { at: due, item: subject } = next;
      const holds = subject.due === due && this.#subjects.get(subject.member.id) === subject;
      if (holds && !subject.looking) return { subject, due };
      this.#agenda.shift();
    }
    return undefined;
  }

  #setTimer(now: number): void {
    this.#timer?.cancel();
    const times = [this.#inquireAt ?? Number.POSITIVE_INFINITY];
    if (this.#inquiry) times.push(this.#inquiry.over(now) ? now : this.#inquiry.until);
    // else the end of a look is what is waited for
    const next = this.#looks < LOOKS_AT_ONCE ? this.#next : undefined;
    if (next) times.push(Math.max(next.due, now + this.#budget.waitMs));
    const at = Math.min(...times);
    if (at === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.ceil(Math.max(at - now, 0));
    this.#timer = this.#around.clock.setTimer(delayMs, () => this.#proceed());
  }

  async #look(subject: Subject): Promise<void> {
    const { id, leaseId } = subject.member;
    subject.looking = true;
    this.#urgent.delete(subject);
    this.#looks++;
    const look = await this.#around.look(leaseId);
    this.#looks--;
    subject.looking = false;
    if (this.#closed) return;
    if (this.#subjects.get(id) === subject) {
      const now = this.#around.clock.now();
      if (look) this.#judge(subject, look, now);
      else this.#putOff(subject, now + NO_ANSWER_MS);
    }
    this.#proceed();
  }

  #judge(subject: Subject, { ttl, grantedTtl }: LeaseLook, now: number): void {
    // etcd rounds down, so that it may be a second more
    const atMost = ttl + 1;
    const silent = atMost <= grantedTtl / 2;
    this.#inquiry?.answered(subject, atMost <= grantedTtl * (2 / 3 - 1 / 30));
    // one that does not renew is silent for certain when this has passed; where the TTL is short, a second is too long to wait
    const certain = atMost - Math.floor(grantedTtl / 2) - (grantedTtl < SHORT_TTL ? 0.5 : 0);
    const next = silent ? Math.max(grantedTtl / 10, 1) : certain;
    this.#putOff(subject, now + next * 1_000);
    if (!silent) return this.#heard(subject);
    subject.silent = { at: now, atMost };
    if (subject.suspected) return;
    // one more, and they would be many that nobody has counted
    if (now < this.#trustedUntil && this.#onTrust.size < CROWD - 1) {
      this.#onTrust.add(subject);
      return this.#suspect(subject, atMost);
    }
    if (this.#inquireAt !== undefined || this.#inquiry) return;
    this.#holdMs = (grantedTtl * 1_000) / 6;
    // when it has a third left; sooner, others that the same has befallen need not have missed a renewal yet
    this.#inquireAt = now + Math.max(atMost - grantedTtl / 3, 0) * 1_000;
  }

  #heard(subject: Subject): void {
    subject.silent = undefined;
    if (!subject.suspected) return;
    subject.suspected = false;
    this.#onTrust.delete(subject);
    const { id } = subject.member;
    this.#around.tell({ type: "recovered", id, member: subject.member });
  }

  #suspect(subject: Subject, atMost: number): void {
    subject.suspected = true;
    const { member } = subject;
    const remainingMs = atMost * 1_000;
    this.#around.tell({ type: "suspected", id: member.id, member, remainingMs });
  }

  #inquire(now: number): void {
    this.#inquireAt = undefined;
    // those suspected already fell silent before
    const others = [...this.#subjects.values()].filter(({ suspected }) => !suspected);
    const sample = pick(others, SAMPLE, this.#around.random);
    const takesMs = (sample.length / this.#around.readsPerSecond) * 1_000;
    this.#inquiry = new Inquiry(sample, others.length, now, now + SAMPLE_MS + takesMs);
    for (const subject of sample) this.#urgent.add(subject);
  }

  /** What the inquiry has shown, if it is over. */
  #conclude(now: number): void {
    const inquiry = this.#inquiry;
    if (!inquiry?.over(now)) return;
    this.#inquiry = undefined;
    const lost = this.#diedOfLate(now) + this.#onTrust.size;
    const many = inquiry.many(this.#around.silentShare, lost);
    if (many === false) return this.#trust(inquiry, now);
    // until it can be said, and for as long as it is so
    this.#inquireAt = now + this.#holdMs;
    if (!many || this.#observerSuspected) return;
    this.#observerSuspected = true;
    const { silent, lookedAt } = inquiry;
    this.#around.tell({ type: "observer-suspected", silent, lookedAt });
  }

  #died(): void {
    this.#deaths.push(this.#around.clock.now());
    if (this.#deaths.length > MOST_DEATHS) this.#deaths.shift();
  }

  /** In about the last TTL. */
  #diedOfLate(now: number): number {
    this.#deaths = this.#deaths.filter((at) => at > now - 6 * this.#holdMs);
    return this.#deaths.length;
  }

  #trust(inquiry: Inquiry<Subject>, now: number): void {
    this.#trustedUntil = now + Math.max(this.#holdMs, 1_000);
    this.#onTrust.clear();
    if (this.#observerSuspected) this.#around.tell({ type: "observer-recovered" });
    this.#observerSuspected = false;
    for (const subject of this.#subjects.values()) {
      const { silent, suspected } = subject;
      if (!silent || suspected) continue;
      if (silent.at >= inquiry.startedAt) this.#suspect(subject, silent.atMost);
      // found so before: it is suspected if it still is
      else this.#urgent.add(subject);
    }
  }
}

/** At most `count` of `all`, at random. */
function pick<T>(all: T[], count: number, random: Random): T[] {
  for (let index = 0; index < Math.min(count, all.length - 1); index++) {
    const other = index + Math.floor(random.fraction() * (all.length - index));
    // both are in the array
    [all[index], all[other]] = [all[other] as T, all[index] as T];
  }
  return all.slice(0, count);
}
