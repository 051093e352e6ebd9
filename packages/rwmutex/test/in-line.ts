import type { RWContender, RWMutex } from "@etcdkit/rwmutex";
import { eventually } from "@etcdkit/testing";

/** Resolves with those in line, in order, once they are `count`. */
export async function inLine(rwmutex: RWMutex, count: number): Promise<RWContender[]> {
  let line: RWContender[] = [];
  await eventually(
    async () => {
      line = await rwmutex.contenders();
      return line.length === count;
    },
    { what: `${count} in line` },
  );
  return line;
}
