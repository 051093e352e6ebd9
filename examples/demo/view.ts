/** What can be seen at one moment: first those in line, in order, then the others. */
export type View = Row[];

export interface Row {
  name: string;
  pid: number;
  /** `away` is between two turns, or not there yet. */
  place: "holds" | "waits" | "away";
  killed: boolean;
  /** Of whoever is in line: it holds, or will hold, by this token. */
  fencingToken: bigint | undefined;
  /** Steps of its work done; undefined while it does none. */
  done: number | undefined;
  /** How long its session is good; known of whoever holds. */
  remainingMs: number | undefined;
  /** Finished so far. */
  turns: number;
}
