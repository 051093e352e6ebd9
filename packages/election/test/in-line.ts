import type { Contender, Election } from "@etcdkit/election";
import { eventually } from "@etcdkit/testing";

/** Resolves with the candidates, in order, once they are `count`. */
export async function inLine(
  election: Pick<Election, "contenders">,
  count: number,
  withinMs = 5_000,
): Promise<Contender[]> {
  let line: Contender[] = [];
  await eventually(
    async () => {
      line = await election.contenders();
      return line.length === count;
    },
    { withinMs, what: `${count} candidates` },
  );
  return line;
}
