import { checkSignal, describe } from "@etcdkit/core/internal";
import type { LeadEvent } from "./lead-events.js";
import { LeaderHealth } from "./leader-health.js";
import { toProposal } from "./proposal.js";

export interface LeadOptions {
  /** What this candidate proposes: its address, say, for others to find the leader. */
  value: string | Buffer;
  /** Of the session, in whole seconds: how long after the death of a leader the next one leads. Default 15. */
  ttl?: number | undefined;
  /** Of the session, see there: the time that `work` has to end before another may lead. Default: a tenth of the TTL. */
  safetyMarginMs?: number | undefined;
  /** Ends it all: `work` is told to end, the leadership resigned, and `lead()` resolves. */
  signal?: AbortSignal | undefined;
  /** Told of what happens, synchronously and in order. What it throws ends `lead()`. */
  onChange?: ((event: LeadEvent) => void) | undefined;
  /** Told whether the work goes on though it should not, for a health check. */
  health?: LeaderHealth | undefined;
  /** How long `work` may take to end before a `stubborn` event tells of it, in milliseconds. Default 5,000. */
  stubbornAfterMs?: number | undefined;
}

export interface CheckedOptions extends LeadOptions {
  value: Buffer;
  stubbornAfterMs: number;
}

const STUBBORN_AFTER_MS = 5_000;

/** Throws for bad options, before anything is sent. The session's own are for `Session.open` to check. */
export function checkLeadOptions(options: unknown, work: unknown): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`lead() takes options with a value, not ${describe(options)}`);
  }
  const { stubbornAfterMs = STUBBORN_AFTER_MS, ...rest } = options as LeadOptions;
  const { signal, onChange, health } = rest;
  const value = toProposal(rest.value);
  checkSignal(signal);
  if (onChange !== undefined && typeof onChange !== "function") {
    throw new TypeError(`onChange must be a function, not ${describe(onChange)}`);
  }
  if (health !== undefined && !(health instanceof LeaderHealth)) {
    throw new TypeError(`health must be a LeaderHealth, not ${describe(health)}`);
  }
  if (typeof stubbornAfterMs !== "number") {
    throw new TypeError(`stubbornAfterMs must be a number, not ${describe(stubbornAfterMs)}`);
  }
  if (!(stubbornAfterMs >= 0 && Number.isFinite(stubbornAfterMs))) {
    throw new RangeError(`stubbornAfterMs must be at least 0 and finite: ${stubbornAfterMs}`);
  }
  if (typeof work !== "function") {
    throw new TypeError(`lead() takes a function that does the work, not ${describe(work)}`);
  }
  return { ...rest, value, stubbornAfterMs };
}
