import { type Call, EtcdFailure } from "@etcdkit/core/internal";
import type { Link } from "./link.js";
import type { SimulatedMember } from "./member.js";
import type { SimulatedProcess } from "./process.js";

/**
 * One attempt of a unary call. What the client hears and what is done are two things: a request may be carried out long after the
 * client has given it up, and a reply may be lost.
 */
export function unaryCall<T>(
  { process, member, link }: { process: SimulatedProcess; member: SimulatedMember; link: Link },
  { deadlineMs }: Call,
  serve: () => T,
): Promise<T> {
  const { schedule, random } = link;
  return new Promise((resolve, reject) => {
    let over = false;
    let forget = () => {};
    const settle = (how: () => void) => {
      if (over) return;
      over = true;
      deadline.cancel();
      forget();
      how();
    };
    const deadline = process.clock.setTimer(deadlineMs, () =>
      settle(() => reject(new EtcdFailure("unavailable", "deadline exceeded"))),
    );
    const answer = (how: () => void) => {
      schedule.after(link.delayMs(), () => process.deliver(() => settle(how)));
    };
    const refuse = (failure: EtcdFailure) => answer(() => reject(failure));
    /** Silence, or an error that tells nothing of what was done. */
    const lose = () => {
      if (random.chance(0.5)) refuse(new EtcdFailure("unavailable", "connection reset"));
    };
    const reply = (how: () => void) => {
      if (link.loses || random.chance(link.weather.lostReplies)) lose();
      else answer(how);
    };
    const carryOut = () => {
      let how: () => void;
      try {
        const result = serve();
        how = () => resolve(result);
      } catch (error) {
        how = () => reject(error);
      }
      // it answers when it has applied what it answers
      const { revision } = member.hub.store;
      member.whenApplied(revision, () => member.arrive(() => reply(how)));
    };
    if (link.loses || random.chance(link.weather.lostRequests)) return lose();
    forget = member.deal({ lost: refuse });
    schedule.after(link.delayMs(), () => {
      if (member.running) member.arrive(() => member.agree(carryOut, refuse));
      else refuse(new EtcdFailure("unavailable", "connection refused"));
    });
  });
}
