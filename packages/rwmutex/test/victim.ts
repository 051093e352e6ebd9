import { type Program, runProgram } from "@etcdkit/test-support/program";

export interface VictimOptions {
  hosts: string[];
  name: string;
  /** Seconds. */
  ttl: number;
  kind: "read" | "write";
}

/** What the program `victim` says. */
export type VictimMessage =
  | { what: "asking"; leaseId: string }
  | { what: "holding"; fencingToken: string }
  | { what: "rejected"; reason: string }
  | { what: "ready to freeze" }
  | { what: "first look"; held: boolean; reason: string; guard: string };

/** A process that asks for a lock. */
export type Victim = Program<VictimMessage>;

export function startVictim(options: VictimOptions): Victim {
  return runProgram<VictimMessage>(new URL("programs/victim.ts", import.meta.url), options);
}

/** What it says, or has said, under this heading. */
export async function heard<What extends VictimMessage["what"]>(
  victim: Victim,
  what: What,
): Promise<Extract<VictimMessage, { what: What }>> {
  const said = await victim.message((message) => message.what === what);
  return said as Extract<VictimMessage, { what: What }>;
}
