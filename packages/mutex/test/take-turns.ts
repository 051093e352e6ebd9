import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, runProgram } from "@etcdkit/test-support/program";
import { eventually } from "@etcdkit/testing";
import { expect, onTestFinished } from "vitest";

/** Many contenders in several processes take turns at one lock; what it protects is a file, outside of etcd. */
export interface Load {
  hosts: string[];
  name: string;
  turns: number;
  contenders: number;
  processes: number;
  /** Seconds, of every session. */
  ttl: number;
  /** What is done to etcd meanwhile; `reached` resolves when so many turns are over. */
  meanwhile?: (reached: (turns: number) => Promise<void>) => Promise<void>;
}

/** What the program `turn-taker` is asked for. */
export interface TurnTakerOptions extends Pick<Load, "hosts" | "name" | "ttl"> {
  /** The file that is read, and written one higher, in each turn. */
  counter: string;
  /** The file that exists while somebody has its turn. */
  marker: string;
  /** How many turns each of its contenders takes. */
  turns: number[];
}

/** What the program says of each turn, and of each wait or hold that failed. */
export type TurnMessage = TurnReport | { what: "failed"; error: string };

interface TurnReport {
  what: "turn";
  /** What the counter said at the beginning. */
  number: number;
  leaseId: string;
  fencingToken: string;
  /** By a clock that all processes of the machine share. */
  enteredAtMs: number;
  leftAtMs: number;
  /** Somebody else had its turn at the same time, by the marker. */
  overlapped: boolean;
  /** The lock was lost before the turn was over. */
  lost: boolean;
}

export type Turn = Omit<TurnReport, "fencingToken" | "leaseId"> & {
  fencingToken: bigint;
  leaseId: bigint;
};

/** All turns, in the order in which they were had, by the counter. Rejects when a contender failed. */
export async function takeTurns({ meanwhile, ...load }: Load): Promise<Turn[]> {
  const folder = await mkdtemp(join(tmpdir(), "turns-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const counter = join(folder, "counter");
  await writeFile(counter, "0");
  const programs = Array.from({ length: load.processes }, (_, index) => {
    const { hosts, name, ttl } = load;
    const turns = shares(load).filter((_, contender) => contender % load.processes === index);
    const options: TurnTakerOptions = {
      hosts,
      name,
      ttl,
      counter,
      marker: `${counter}-in-use`,
      turns,
    };
    return runProgram<TurnMessage>(new URL("programs/turn-taker.ts", import.meta.url), options);
  });
  const reached = async (count: number) => {
    const done = async () => Number(await readFile(counter, "utf8")) >= count;
    await eventually(done, { withinMs: 60_000, what: `${count} turns` });
  };
  const [turns] = await Promise.all([Promise.all(programs.map(turnsOf)), meanwhile?.(reached)]);
  expect(await readFile(counter, "utf8")).toBe(`${load.turns}`);
  return turns.flat().sort((a, b) => a.number - b.number);
}

/** As even as it gets. */
function shares({ turns, contenders }: Load): number[] {
  return Array.from({ length: contenders }, (_, index) => Math.ceil((turns - index) / contenders));
}

async function turnsOf(program: Program<TurnMessage>): Promise<Turn[]> {
  const code = await program.ended;
  const failures = program.messages.filter(({ what }) => what === "failed");
  expect({ code, failures, complaints: program.stderr() }).toEqual({
    code: 0,
    failures: [],
    complaints: "",
  });
  const reports = program.messages.filter((message) => message.what === "turn");
  return reports.map(({ fencingToken, leaseId, ...rest }) => ({
    ...rest,
    fencingToken: BigInt(fencingToken),
    leaseId: BigInt(leaseId),
  }));
}

/** Fails unless each turn was over before the next one began, and tokens grew from turn to turn. */
export function expectTurns(turns: Turn[], count: number): void {
  // a lost update would show here: two turns of one number, and none of a later one
  expect(turns.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, n) => n));
  expect(turns.filter(({ overlapped, lost }) => overlapped || lost)).toEqual([]);
  const wrong = turns.filter((turn, index) => {
    const before = turns[index - 1];
    return (
      before && (turn.enteredAtMs < before.leftAtMs || turn.fencingToken <= before.fencingToken)
    );
  });
  expect(wrong).toEqual([]);
}

/** The longest time from the beginning of one turn to that of the next, in milliseconds. */
export function longestGapMs(turns: Turn[]): number {
  return Math.max(
    ...turns.map(
      ({ enteredAtMs }, index) => enteredAtMs - (turns[index - 1]?.enteredAtMs ?? enteredAtMs),
    ),
  );
}
