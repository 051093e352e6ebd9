import { type Program, runProgram } from "@etcdkit/test-support/program";

export interface MembersOptions {
  hosts: string[];
  name: string;
  ids: string[];
  ttl: number;
}

/** What the program `members` says. */
export type MembersMessage =
  | { what: "joined" }
  | { what: "states"; states: string[] }
  | { what: "left" };

/** A process with members that have joined by now. */
export async function startMembers(options: MembersOptions): Promise<Program<MembersMessage>> {
  const program = runProgram<MembersMessage>(
    new URL("programs/members.ts", import.meta.url),
    options,
  );
  await program.message(({ what }) => what === "joined", 60_000);
  return program;
}

/** Each in a process of its own. */
export async function startEach(
  options: MembersOptions,
): Promise<Map<string, Program<MembersMessage>>> {
  const { ids, ...rest } = options;
  const programs = await Promise.all(ids.map((id) => startMembers({ ...rest, ids: [id] })));
  return new Map(ids.map((id, index) => [id, programs[index] as Program<MembersMessage>]));
}
