import { sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { lineHistory } from "./line-history.js";
import { expectTurns, longestGapMs, takeTurns } from "./take-turns.js";

const CONTENDERS = 32;
// fewer, to run it many times over
const TURNS = Number(process.env.TURNS ?? 2_000);

test("32 contenders over 4 processes have their turns one at a time, in the order they came", {
  timeout: 60_000,
}, async () => {
  const name = `${testPrefix()}lock`;
  const client = testClient();
  const fromRevision = BigInt((await client.get(name).exec()).header.revision) + 1n;
  const hosts = sharedEtcd().endpoints;
  const load = { hosts, name, turns: TURNS, contenders: CONTENDERS, processes: 4, ttl: 10 };
  const turns = await takeTurns(load);
  expectTurns(turns, TURNS);
  expect(new Set(turns.map(({ leaseId }) => leaseId)).size).toBe(CONTENDERS);

  // by etcd's own history: whoever came before a holder had left before the holder did
  const tokens = turns.map(({ fencingToken }) => fencingToken);
  const stays = await lineHistory(client, name, { fromRevision, last: tokens.at(-1) });
  expect(stays.map(({ createRevision }) => createRevision)).toEqual(tokens);

  // if most turns had met an empty line, all this would have shown little
  const met = stays.filter(({ createRevision }, index) => {
    const before = stays[index - 1];
    return before && createRevision < before.goneAt;
  });
  expect(met.length).toBeGreaterThan(TURNS * 0.9);
  console.log(`${TURNS} turns, the longest gap ${longestGapMs(turns).toFixed(0)} ms`);
});
