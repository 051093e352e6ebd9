import type { Run } from "../model/run.js";

/** Longer than any fault keeps an observer from its work, and than it takes to find its way back. */
const GRACE_US = 20_000_000;

/**
 * Up to which revision this process must have seen everything by its end: what others had written long before that. An observer
 * that fell silent would not show in what it told.
 */
export function mustHaveSeen(run: Run, process: string): number {
  const own = run.operations.filter((operation) => operation.process === process);
  const lastSign = own.reduce((last, { at, end }) => Math.max(last, end?.at ?? at), 0);
  const written = run.operations
    .filter(({ end }) => end && end.at < lastSign - GRACE_US)
    .map(({ end }) => end?.detail?.revision ?? 0);
  return written.reduce((most, revision) => Math.max(most, revision), 0);
}
