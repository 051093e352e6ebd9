import { type Program, runProgram } from "@etcdkit/test-support/program";
import { eventually } from "@etcdkit/testing";

/** What the program `candidate` is asked for. */
export interface CandidateOptions {
  hosts: string[];
  name: string;
  value: string;
  /** Seconds. */
  ttl: number;
  /** How often it looks whether it leads, in milliseconds. */
  everyMs: number;
}

/** What it says. Times are of one clock for all processes of the machine. */
export type CandidateMessage =
  | { what: "campaigning" }
  /** `held` was read between these two moments. */
  | { what: "look"; held: boolean; token: string; fromMs: number; toMs: number }
  | { what: "lost"; token: string; reason: string }
  | { what: "resigned"; token: string }
  | { what: "campaign failed"; reason: string };

export type Candidate = Program<CandidateMessage>;

export type Look = { held: boolean; token: bigint; fromMs: number; toMs: number; who: number };

/** The same clock in every process of this machine. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

export function startCandidate(options: CandidateOptions): Candidate {
  return runProgram<CandidateMessage>(new URL("programs/candidate.ts", import.meta.url), options);
}

/** All looks of all candidates so far. */
export function looks(candidates: Candidate[]): Look[] {
  return candidates.flatMap(({ messages }, who) =>
    messages.flatMap((message) =>
      message.what === "look" ? [{ ...message, token: BigInt(message.token), who }] : [],
    ),
  );
}

/** Resolves with the first look by which one leads with a token greater than `after`. */
export async function nextLeader(candidates: Candidate[], after: bigint): Promise<Look> {
  let found: Look | undefined;
  await eventually(
    () => {
      [found] = looks(candidates)
        .filter(({ held, token }) => held && token > after)
        .sort((a, b) => a.toMs - b.toMs);
      return found;
    },
    // that it is in time is for the caller to say: processes take theirs to start
    { withinMs: 45_000, what: "the next leader" },
  );
  return found as Look;
}

/** Each look by which somebody believed to lead after another one with a greater token had begun to believe it. */
export function doubts(all: Look[]): { late: Look; successor: Look }[] {
  const believed = all.filter(({ held }) => held).sort((a, b) => a.toMs - b.toMs);
  const firsts = new Map<bigint, Look>();
  for (const look of believed) if (!firsts.has(look.token)) firsts.set(look.token, look);
  return believed.flatMap((late) =>
    [...firsts.values()]
      .filter((successor) => successor.token > late.token && successor.toMs <= late.fromMs)
      .map((successor) => ({ late, successor })),
  );
}
