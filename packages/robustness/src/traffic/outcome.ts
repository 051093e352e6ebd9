import {
  CoordinationError,
  KeyDeletedError,
  SessionClosedError,
  SessionExpiredError,
} from "@etcdkit/core";
import type { Outcome } from "../model/record.js";

/** What an error of the library means; undefined for one that it does not promise. */
export function outcomeOf(error: unknown, signal?: AbortSignal): Outcome | undefined {
  if (signal?.aborted && error === signal.reason) return "cancelled";
  if (error instanceof KeyDeletedError) return "deleted";
  if (error instanceof SessionExpiredError || error instanceof SessionClosedError) return "lost";
  if (!(error instanceof CoordinationError)) return undefined;
  // siblings have codes of their own
  const code: string = error.code;
  switch (code) {
    case "UNAVAILABLE":
      return "unknown";
    case "RELEASED":
    case "NOT_LEADER":
    case "ALREADY_HELD":
    case "HOLDER_LOST":
    case "TOO_MANY":
    case "LEFT":
    case "TAKEN_OVER":
      return "refused";
    default:
      return undefined;
  }
}
