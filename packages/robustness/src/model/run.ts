import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type {
  BeginRecord,
  BeliefRecord,
  EndRecord,
  FaultRecord,
  KeyEvent,
  SightRecord,
  TrafficRecord,
} from "./record.js";

/** A call with its outcome; without one, its process was killed meanwhile. */
export interface Operation extends Omit<BeginRecord, "what"> {
  readonly process: string;
  readonly end: EndRecord | undefined;
}

export interface Belief extends BeliefRecord {
  readonly process: string;
}

/** All that one observer told, in its order. */
export interface Observation {
  readonly process: string;
  readonly of: SightRecord["of"];
  readonly name: string;
  readonly sights: readonly SightRecord[];
}

/** All that is known after a run. */
export interface Run {
  readonly operations: readonly Operation[];
  readonly beliefs: readonly Belief[];
  readonly observations: readonly Observation[];
  readonly faults: readonly FaultRecord[];
  /** Every change since revision 1, in etcd's order. */
  readonly history: readonly KeyEvent[];
}

export const FAULTS_FILE = "faults.jsonl";
export const HISTORY_FILE = "etcd.jsonl";

/** Reads the files that the processes of a run have left. */
export async function readRun(folder: string): Promise<Run> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jsonl")).sort();
  const operations: Operation[] = [];
  const beliefs: Belief[] = [];
  const observations: Observation[] = [];
  for (const name of names) {
    if (name === FAULTS_FILE || name === HISTORY_FILE) continue;
    const told = ofProcess(
      basename(name, ".jsonl"),
      await readLines<TrafficRecord>(join(folder, name)),
    );
    operations.push(...told.operations);
    beliefs.push(...told.beliefs);
    observations.push(...told.observations);
  }
  const faults = await readLines<FaultRecord>(join(folder, FAULTS_FILE));
  const history = await readLines<KeyEvent>(join(folder, HISTORY_FILE));
  return { operations, beliefs, observations, faults, history };
}

/** What one process did, from its records in the order in which it wrote them. */
export function ofProcess(
  process: string,
  records: readonly TrafficRecord[],
): Pick<Run, "operations" | "beliefs" | "observations"> {
  const begun = new Map<number, BeginRecord>();
  const ended = new Map<number, EndRecord>();
  const beliefs = new Map<number, Belief>();
  const sights = new Map<number, SightRecord[]>();
  for (const record of records) {
    if (record.what === "begin") begun.set(record.op, record);
    else if (record.what === "end") ended.set(record.op, record);
    else if (record.what === "belief") beliefs.set(record.belief, { ...record, process });
    else {
      const earlier = sights.get(record.observation);
      if (earlier) earlier.push(record);
      else sights.set(record.observation, [record]);
    }
  }
  return {
    operations: [...begun.values()].map(({ what: _, ...begin }) => ({
      ...begin,
      process,
      end: ended.get(begin.op),
    })),
    beliefs: [...beliefs.values()],
    observations: [...sights.values()].flatMap((told) => {
      const [first] = told;
      return first ? [{ process, of: first.of, name: first.name, sights: told }] : [];
    }),
  };
}

async function readLines<T>(file: string): Promise<T[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  // a process that was killed may have left half a line
  lines.pop();
  return lines.map((line) => JSON.parse(line) as T);
}
