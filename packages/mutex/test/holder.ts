import { type Program, runProgram } from "@etcdkit/test-support/program";

export interface HolderOptions {
  hosts: string[];
  name: string;
  ttl: number;
}

/** What the program `holder` says. */
export type HolderMessage =
  | { what: "holding"; key: string; leaseId: string; fencingToken: string }
  | { what: "ready to freeze" }
  | { what: "first look"; held: boolean; aborted: boolean; reason: string }
  | { what: "guard"; threw: string }
  | { what: "early guard"; succeeded: boolean }
  | { what: "failed"; error: string };

export interface Holder {
  readonly program: Program<HolderMessage>;
  readonly leaseId: bigint;
  readonly fencingToken: bigint;
  readonly key: string;
}

/** A process that holds the lock `name` by now, and holds on. */
export async function startHolder(options: HolderOptions): Promise<Holder> {
  const program = runProgram<HolderMessage>(
    new URL("programs/holder.ts", import.meta.url),
    options,
  );
  const { leaseId, fencingToken, key } = await heard(program, "holding");
  return { program, leaseId: BigInt(leaseId), fencingToken: BigInt(fencingToken), key };
}

/** What the holder says, or has said, under this heading. */
export async function heard<What extends HolderMessage["what"]>(
  program: Program<HolderMessage>,
  what: What,
): Promise<Extract<HolderMessage, { what: What }>> {
  const said = await program.message((message) => message.what === what);
  return said as Extract<HolderMessage, { what: What }>;
}
