import { Election } from "@etcdkit/election";
import { startProxy } from "@etcdkit/testing";
import { sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { doubts, looks, nextLeader, nowMs, startCandidate } from "./candidates.js";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

const TTL = 2;
const TTL_MS = TTL * 1_000;
/** etcd looks for expired leases each 500 ms. */
const WITHIN_MS = TTL_MS + 1_000;
/** What a resignation and the news of it take, on a busy machine too. */
const AT_ONCE_MS = 500;

test("five processes campaign, and at most one believes that it leads, whatever befalls the leader", {
  timeout: 150_000,
}, async () => {
  const name = `${testPrefix()}election`;
  const [target = ""] = sharedEtcd().endpoints;
  const proxies = await Promise.all([1, 2, 3, 4, 5].map(() => startProxy({ target })));
  onTestFinished(async () => {
    for (const proxy of proxies) await proxy.close();
  });
  const start = (who: number) => {
    const hosts = [proxies[who]?.endpoint ?? ""];
    return startCandidate({ hosts, name, value: `${who}`, ttl: TTL, everyMs: 2 });
  };
  const candidates = [0, 1, 2, 3, 4].map(start);
  const { connection } = await openSession();
  const observer = Election.observer(connection, name);
  const figures: string[] = [];
  let leader = await nextLeader(candidates, 0n);
  // processes take their time to start on a busy machine, and connections to come back
  const all = () => inLine(observer, 5, 20_000);
  /** Does something to the leader, and waits for the next. */
  const after = async (what: string, act: (who: number) => unknown, withinMs: number) => {
    await all();
    const before = leader;
    const since = nowMs();
    await act(before.who);
    leader = await nextLeader(candidates, before.token);
    const tookMs = leader.fromMs - since;
    figures.push(`${what}: ${tookMs.toFixed(0)} ms`);
    expect(leader.who).not.toBe(before.who);
    expect({ what, tookMs, inTime: tookMs < withinMs }).toMatchObject({ inTime: true });
    return before.who;
  };
  const signal = (name: NodeJS.Signals) => (who: number) => candidates[who]?.process.kill(name);

  await after("resigned", signal("SIGUSR2"), AT_ONCE_MS);

  const frozen = await after("frozen", signal("SIGSTOP"), WITHIN_MS);
  signal("SIGCONT")(frozen);
  await candidates[frozen]?.message(({ what }) => what === "lost");

  await after("resigned", signal("SIGUSR2"), AT_ONCE_MS);

  const cutOff = await after("cut off", (who) => proxies[who]?.cut(), WITHIN_MS);
  await candidates[cutOff]?.message(({ what }) => what === "lost");
  await proxies[cutOff]?.restore();

  const deaf = await after("half open", (who) => proxies[who]?.stall({ discard: true }), WITHIN_MS);
  proxies[deaf]?.resume();

  const killed = await after("killed", signal("SIGKILL"), WITHIN_MS);
  candidates.push(start(killed));
  await after("resigned", signal("SIGUSR2"), AT_ONCE_MS);

  const seen = looks(candidates);
  expect(doubts(seen)).toEqual([]);
  // each had its turn after the one before, with a greater token: seven changes, and looks all along
  const tokens = [...new Set(seen.filter(({ held }) => held).map(({ token }) => token))];
  expect(tokens.length).toBeGreaterThanOrEqual(8);
  expect(seen.length).toBeGreaterThan(500);
  console.info(figures.join("; "));
});

test("the look for doubts would find one", () => {
  const look = (who: number, token: bigint, fromMs: number, held = true) => {
    return { who, token, fromMs, toMs: fromMs + 1, held };
  };
  const good = [look(0, 1n, 0), look(0, 1n, 5), look(1, 2n, 6), look(0, 1n, 7, false)];
  expect(doubts(good)).toEqual([]);
  const late = look(0, 1n, 8);
  expect(doubts([...good, late])).toEqual([{ late, successor: good[2] }]);
});
