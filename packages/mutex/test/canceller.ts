import { type Program, runProgram } from "@etcdkit/test-support/program";

export interface CancellerOptions {
  hosts: string[];
  /** Of the locks it tries. */
  names: string[];
  ttl: number;
  /** Up to how many turns of the event loop a call has until it is cancelled. */
  turns: number;
}

/** What the program `canceller` says. */
export type CancellerMessage =
  | { what: "tried"; name: string; turns: number }
  | { what: "done"; cancelled: number; locked: number; notLocked: number }
  | { what: "closed" };

export function startCanceller(options: CancellerOptions): Program<CancellerMessage> {
  return runProgram<CancellerMessage>(new URL("programs/canceller.ts", import.meta.url), options);
}
