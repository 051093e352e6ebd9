import type { Contender, Mutex } from "@etcdkit/mutex";
import { eventually } from "@etcdkit/testing";

/** Resolves with those in line, in order, once they are `count`. */
export async function inLine(mutex: Mutex, count: number): Promise<Contender[]> {
  let line: Contender[] = [];
  await eventually(
    async () => {
      line = await mutex.contenders();
      return line.length === count;
    },
    { what: `${count} in line` },
  );
  return line;
}
