import type {
  BeliefRecord,
  Detail,
  FaultRecord,
  KeyEvent,
  OperationKind,
  Outcome,
  SightRecord,
} from "../src/model/record.js";
import { type Belief, type Operation, ofProcess, type Run } from "../src/model/run.js";

/** A run in which nothing happened but what is given. */
export function runOf(parts: Partial<Run>): Run {
  return { operations: [], beliefs: [], observations: [], faults: [], history: [], ...parts };
}

/** Looked at often, from `from` to `to`. */
export function belief(
  about: Partial<BeliefRecord> & { process: string; from: number; to: number; token: number },
): Belief {
  const { from, to, process, ...rest } = about;
  return {
    what: "belief",
    belief: 1,
    kind: "mutex",
    name: "lock",
    key: `lock/${process}`,
    lease: process,
    first: { before: from - 1, after: from },
    last: { before: to, after: to + 1 },
    process,
    ...rest,
  };
}

let operations = 0;

export function operation(
  kind: OperationKind,
  name: string,
  {
    process = "p",
    at = 0,
    until = at + 1,
    outcome = "done",
    ...rest
  }: {
    process?: string;
    at?: number;
    until?: number;
    outcome?: Outcome | "cut off";
    detail?: Detail;
    result?: Detail;
  } = {},
): Operation {
  const { detail, result } = rest;
  const op = ++operations;
  return {
    process,
    op,
    kind,
    name,
    at,
    ...(detail && { detail }),
    end:
      outcome === "cut off"
        ? undefined
        : { what: "end", op, at: until, outcome, ...(result && { detail: result }) },
  };
}

export function fault(about: Partial<FaultRecord>): FaultRecord {
  return { what: "fault", kind: "some", target: "some", begin: 0, end: 0, ...about };
}

export function sights(of: SightRecord["of"], name: string, told: Partial<SightRecord>[]) {
  const records = told.map((one) => ({
    what: "sight" as const,
    of,
    name,
    observation: 1,
    at: 0,
    ...one,
  }));
  return ofProcess("p", records).observations;
}

/** Writes of keys, each at the next revision: `["key", "value", "lease"]`; without a value, deletions. */
export function history(
  ...changes: ([key: string, value: string, lease?: string] | [key: string])[]
) {
  const standing = new Map<string, number>();
  return changes.map(([key, value, lease = "0"], index): KeyEvent => {
    const revision = index + 2;
    const createRevision = standing.get(key) ?? revision;
    if (value === undefined) standing.delete(key);
    else standing.set(key, createRevision);
    const type = value === undefined ? "delete" : "put";
    return { type, key, revision, createRevision, value: value ?? "", lease, at: revision * 1_000 };
  });
}
