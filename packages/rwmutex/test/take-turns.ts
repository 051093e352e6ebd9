import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, runProgram } from "@etcdkit/test-support/program";
import { expect, onTestFinished } from "vitest";

export type Kind = "read" | "write";

/** Readers and writers in several processes take turns at one lock; what it protects is a folder, outside of etcd. */
export interface Load {
  hosts: string[];
  name: string;
  turns: number;
  readers: number;
  writers: number;
  processes: number;
}

/** What the program `turn-taker` is asked for. */
export interface TurnTakerOptions extends Pick<Load, "hosts" | "name"> {
  /** Where each one who is in has a file, named for its kind. */
  folder: string;
  /** How many turns each of its contenders takes. */
  contenders: { kind: Kind; turns: number }[];
}

interface TurnReport {
  what: "turn";
  kind: Kind;
  key: string;
  fencingToken: string;
  /** By a clock that all processes of the machine share. */
  askedAtMs: number;
  enteredAtMs: number;
  leftAtMs: number;
  /** Who else was in, by the folder: right after it had entered and right before it left. */
  beside: Record<Kind, number>;
  /** The lock was lost before the turn was over. */
  lost: boolean;
}

/** What the program says of each turn, and of each wait or hold that failed. */
export type TurnMessage = TurnReport | { what: "failed"; error: string };

export type Turn = Omit<TurnReport, "fencingToken"> & { fencingToken: bigint };

/** All turns, in the order of their tokens. Rejects when a contender failed. */
export async function takeTurns({ processes, ...load }: Load): Promise<Turn[]> {
  const folder = await mkdtemp(join(tmpdir(), "turns-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await Promise.all([mkdir(join(folder, "read")), mkdir(join(folder, "write"))]);
  const contenders = shares(load);
  const programs = Array.from({ length: processes }, (_, index) => {
    const { hosts, name } = load;
    const own = contenders.filter((_, contender) => contender % processes === index);
    const options: TurnTakerOptions = { hosts, name, folder, contenders: own };
    return runProgram<TurnMessage>(new URL("programs/turn-taker.ts", import.meta.url), options);
  });
  const turns = (await Promise.all(programs.map(turnsOf))).flat();
  expect(await readdir(folder, { recursive: true })).toHaveLength(2);
  return turns.sort((a, b) => (a.fencingToken < b.fencingToken ? -1 : 1));
}

/** As even as it gets. */
function shares({
  turns,
  readers,
  writers,
}: Omit<Load, "processes">): TurnTakerOptions["contenders"] {
  const all = readers + writers;
  return Array.from({ length: all }, (_, index) => ({
    kind: index < readers ? "read" : "write",
    turns: Math.ceil((turns - index) / all),
  }));
}

async function turnsOf(program: Program<TurnMessage>): Promise<Turn[]> {
  const code = await program.ended;
  const failures = program.messages.filter(({ what }) => what === "failed");
  const complaints = program.stderr();
  expect({ code, failures, complaints }).toEqual({ code: 0, failures: [], complaints: "" });
  const reports = program.messages.filter((message) => message.what === "turn");
  return reports.map((report) => ({ ...report, fencingToken: BigInt(report.fencingToken) }));
}
