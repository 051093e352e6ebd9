import { type EtcdServer, eventually } from "@etcdkit/testing";

/** What is meant to stay: values, and the `ready` of a double barrier, as in Go's recipe. */
const STAYS = [/counter\//, /register\//, /rounds\/[^/]*\/ready$/];

/** The keys that are still there when all sessions have ended and every lease has had its time. */
export async function residue(
  operator: ReturnType<EtcdServer["client"]>,
  prefix: string,
  withinMs: number,
): Promise<string[]> {
  let left: string[] = [];
  const gone = async () => {
    const keys = await operator.getAll().prefix(prefix).keys();
    left = keys.filter((key) => !STAYS.some((stays) => stays.test(key)));
    return left.length === 0;
  };
  await eventually(gone, { withinMs, everyMs: 200 }).catch(() => undefined);
  return left;
}
