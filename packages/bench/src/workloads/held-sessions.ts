import { setTimeout as sleep } from "node:timers/promises";
import { Session } from "@etcdkit/session";
import { Calls } from "../calls.js";
import type { Figures } from "../figures.js";
import { streamsOf } from "../go-rpcs.js";
import { Span } from "../span.js";
import { inParallel } from "../timed.js";
import type { Env, Target, Workload } from "../workload.js";

const TTL = 10;
const AT_ONCE = 32;
const WARM_UP_MS = 4_000;
/** A renewal comes every 3.3 s at the least. */
const holdMs = (seconds: number) => seconds * 2_000;

/** Sessions that do nothing but be held. */
function heldSessions(count: number, targets: Target[]): Workload {
  return {
    name: `sessions-${count}`,
    group: "sessions",
    title: `${count.toLocaleString("en")} sessions held, TTL ${TTL} s`,
    headline: "holdCpuPercent",
    targets,
    rounds: 3,
    go: {
      bench: "sessions",
      flags: { c: AT_ONCE, ttl: TTL, hold: "5s" },
      perSecond: 0,
      n: count,
      read: (line) => ({
        openMs: Number(line.open_all_ms),
        holdCpuPercent: Number(line.hold_cpu_per_s) * 100,
        memoryKiB: ((Number(line.rss_mib) - Number(line.rss_before_mib)) * 1_024) / count,
        streams: streamsOf(line.rpcs),
        lost: Number(line.lost),
      }),
    },
    run: {
      etcdkit: async (env) => {
        const calls = new Calls();
        const etcd = calls.connect(env.endpoints);
        return held(env, count, calls, async () => {
          const session = await Session.open(etcd, { ttl: TTL });
          return () => session.state === "connected";
        });
      },
      etcd3: async (env) => {
        const calls = new Calls();
        const client = calls.etcd3(env.endpoints);
        return held(env, count, calls, async () => {
          const lease = client.lease(TTL);
          let lost = false;
          lease.on("lost", () => {
            lost = true;
          });
          await lease.grant();
          return () => !lost;
        });
      },
    },
  };
}

async function held(
  { seconds }: Env,
  count: number,
  calls: Calls,
  open: () => Promise<() => boolean>,
): Promise<Figures> {
  const rss = process.memoryUsage.rss();
  const sessions: (() => boolean)[] = [];
  const opening = new Span();
  await inParallel(count, AT_ONCE, async () => {
    sessions.push(await open());
  });
  const openMs = opening.elapsedS * 1_000;
  // each has been renewed once then
  await sleep(WARM_UP_MS);
  const holding = new Span();
  await sleep(holdMs(seconds));
  const holdCpuPercent = holding.cpuUs / holding.elapsedS / 10_000;
  return {
    openMs,
    holdCpuPercent,
    memoryKiB: (process.memoryUsage.rss() - rss) / 1_024 / count,
    streams: calls.streams,
    lost: sessions.filter((alive) => !alive()).length,
  };
}

const all: Target[] = [
  { figure: "streams", atMost: 1 },
  { figure: "lost", atMost: 0 },
];

export const sessions: Workload[] = [
  heldSessions(1_000, all),
  heldSessions(5_000, [
    ...all,
    { figure: "holdCpuPercent", times: 4 },
    { figure: "memoryKiB", times: 1 },
  ]),
];
