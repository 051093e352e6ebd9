import { abortController, type Clock, type Timer } from "@etcdkit/core/internal";
import type { Session } from "@etcdkit/session";
import type { LeadEvent } from "./lead-events.js";
import type { LeaderHealth } from "./leader-health.js";
import type { Leadership } from "./leadership.js";

export type Work = (leadership: Leadership) => Promise<void>;

export interface Term {
  leadership: Leadership;
  session: Session;
  work: Work;
  /** Aborts when the work should end though the leadership lasts. */
  end: AbortSignal;
  tell: (event: LeadEvent) => void;
  health: LeaderHealth | undefined;
  stubbornAfterMs: number;
  clock: Clock;
}

export type Outcome = { why: "done" | "ended" } | { why: "failed" | "lost"; error: unknown };

/** Runs the work of one leadership to its end, however long that takes, and resigns. Never rejects. */
export async function serve(term: Term): Promise<Outcome> {
  const { session, work, end, tell, health, stubbornAfterMs, clock } = term;
  const over = abortController();
  const leadership = term.leadership.endingBy(over.signal);
  let stubborn: Timer | undefined;
  let why: "ended" | "lost" | undefined;
  const finish = (cause: "ended" | "lost", reason: unknown) => {
    if (why) return;
    why = cause;
    const tellOfIt = () => tell({ type: "stubborn", leadership, afterMs: stubbornAfterMs });
    stubborn = clock.setTimer(stubbornAfterMs, tellOfIt);
    over.abort(reason);
  };
  const lost = () => finish("lost", term.leadership.signal.reason);
  const ended = () => finish("ended", end.reason);
  term.leadership.signal.addEventListener("abort", lost);
  end.addEventListener("abort", ended);
  if (term.leadership.signal.aborted) lost();
  if (end.aborted) ended();
  const unwatch = health?.watch(leadership, session);

  let thrown: { error: unknown } | undefined;
  tell({ type: "started", leadership });
  try {
    if (!over.signal.aborted) await work(leadership);
  } catch (error) {
    thrown = { error };
  }
  unwatch?.();
  // the work may see the loss before the signal does: after a stall, since `held` reads the clock, or while etcd is asked for the reason
  if (!term.leadership.held) await term.leadership.losing;
  const outcome = outcomeOf(why, over.signal.reason, thrown);
  stubborn?.cancel();
  end.removeEventListener("abort", ended);
  term.leadership.signal.removeEventListener("abort", lost);
  await leadership.release();
  tell({ type: "stopped", leadership, why: outcome.why, ...thrown });
  return outcome;
}

function outcomeOf(
  told: "ended" | "lost" | undefined,
  reason: unknown,
  thrown: { error: unknown } | undefined,
): Outcome {
  if (told === "lost") return { why: told, error: reason };
  if (told === "ended") return { why: told };
  return thrown ? { why: "failed", ...thrown } : { why: "done" };
}
