import { runProgram } from "@etcdkit/test-support/program";
import { sharedEtcd } from "@etcdkit/testing/vitest";

export interface RoundGoerOptions {
  hosts: string[];
  name: string;
  count: number;
  members: number;
  rounds: number;
}

/** One member in one round, on the clock that all processes of this machine share. */
export interface RoundMessage {
  round: number;
  cameAtMs: number;
  enteredAtMs: number;
  wentAtMs: number;
  leftAtMs: number;
}

/** What every member saw of each round, `processes` of them with `members` in each. */
export async function goRounds(
  name: string,
  { processes, members, rounds }: { processes: number; members: number; rounds: number },
): Promise<RoundMessage[][]> {
  const hosts = sharedEtcd().endpoints;
  const count = processes * members;
  const programs = Array.from({ length: processes }, () =>
    runProgram<RoundMessage>(new URL("programs/round-goer.ts", import.meta.url), {
      hosts,
      name,
      count,
      members,
      rounds,
    }),
  );
  for (const program of programs) {
    const exit = await program.ended;
    if (exit !== 0) throw new Error(`a process ended with ${exit}: ${program.stderr()}`);
  }
  const told = programs.flatMap(({ messages }) => messages);
  return Array.from({ length: rounds }, (_, round) => told.filter((one) => one.round === round));
}
