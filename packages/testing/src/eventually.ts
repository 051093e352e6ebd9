import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { TestingError } from "./errors.js";
import {
  type Checks,
  checkFunction,
  checkMs,
  checkOptions,
  checkText,
  required,
} from "./options.js";

export interface EventuallyOptions {
  /** How long to go on trying, in milliseconds. Default 5,000. */
  withinMs?: number | undefined;
  /** Time between two tries, in milliseconds. Default 10. */
  everyMs?: number | undefined;
  /** What is waited for, for the error's message. */
  what?: string | undefined;
}

const checks: Checks<EventuallyOptions> = {
  withinMs: checkMs(0),
  everyMs: checkMs(0),
  what: checkText,
};

/** What {@link eventually} gives back: the value, once it is none of the "not yet" ones. */
export type Settled<T> = Exclude<Awaited<T>, false | null | undefined | 0 | "">;

/**
 * Calls `condition` until it returns something truthy, and returns that. Throwing, or returning
 * anything falsy (`undefined` too), means "not yet"; a call that hangs does not outlive the bound.
 *
 * @throws TypeError, RangeError for bad arguments
 * @throws {TestingError} `timed-out`, which says what was last returned or thrown
 */
export async function eventually<T>(
  condition: () => T,
  options: EventuallyOptions = {},
): Promise<Settled<T>> {
  required(checkFunction)(condition, "condition");
  checkOptions(options, checks);
  const { withinMs = 5_000, everyMs = 10, what = "the condition" } = options;
  const deadline = performance.now() + withinMs;
  let last = "a try that never ended";
  let cause: unknown;
  do {
    const hurry = new AbortController();
    const bound = sleep(Math.max(1, deadline - performance.now()), "late" as const, {
      signal: hurry.signal,
    });
    bound.catch(() => undefined);
    try {
      const attempt = Promise.resolve(condition()).then((value) => ({ value }));
      // a late rejection must not surface as an unhandled one
      attempt.catch(() => undefined);
      const outcome = await Promise.race([attempt, bound]);
      if (outcome === "late") break;
      if (outcome.value) return outcome.value as Settled<T>;
      last = `it returned ${inspect(outcome.value)}`;
      cause = undefined;
    } catch (error) {
      last = `it threw ${error instanceof Error ? error.message : inspect(error)}`;
      cause = error;
    } finally {
      hurry.abort();
    }
    await sleep(everyMs);
  } while (performance.now() < deadline);
  throw new TestingError(
    "timed-out",
    `${what} did not come about in ${withinMs} ms; last, ${last}`,
    {
      cause,
    },
  );
}
