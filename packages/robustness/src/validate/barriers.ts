import type { Belief, Run } from "../model/run.js";
import type { Violation } from "../report/violation.js";
import { deposedAt, depositions } from "./deposed.js";

/** Nobody passes a barrier while one and the same hold certainly stands. */
export function checkBarriers({ operations, beliefs, faults }: Run): Violation[] {
  const taken = depositions(faults);
  const holds = beliefs
    .filter(({ kind }) => kind === "barrier")
    .sort((a, b) => a.first.after - b.first.after);
  return operations.flatMap(({ process, kind, name, at, end }) => {
    // "refused" is the word that whoever held has died
    const passed = end?.outcome === "done" || end?.outcome === "refused";
    if (kind !== "barrier wait" || !end || !passed) return [];
    const early = holds.find((hold) => hold.name === name && stands(hold, at, end.at, taken));
    if (!early) return [];
    const told = `${process} waited at ${name} from ${at} to ${end.at} us (${end.outcome}), while ${early.process} held it from ${early.first.after} to ${early.last.before}`;
    return [{ check: "barriers", told }];
  });
}

/** From before the wait until after it. */
function stands(hold: Belief, from: number, to: number, taken: Run["faults"]): boolean {
  if (hold.first.after >= from || hold.last.before <= to) return false;
  return deposedAt(hold, taken) > to;
}
