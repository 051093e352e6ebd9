import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Mutex } from "@etcdkit/mutex";
import { Session } from "@etcdkit/session";
import { findEtcdctl } from "@etcdkit/testing";
import { Calls } from "../calls.js";
import { childArguments } from "../child-process.js";
import { endsWithUs } from "../ending.js";
import { type Figures, percentiles } from "../figures.js";
import { inParallel } from "../timed.js";
import type { Env, Workload } from "../workload.js";

const TTL = 2;
const LOCKS = 5;

const nameOf = (n: number) => `bench/take-over/${n}`;

/** A process that holds some locks is killed with SIGKILL: when do those who wait have them? */
export const takeOver: Workload = {
  name: "take-over",
  group: "mutex",
  title: `take-over after SIGKILL of the holder, TTL ${TTL} s`,
  headline: "p50Ms",
  targets: [{ figure: "p50Ms", times: 1.2 }],
  rounds: 3,
  run: {
    etcdkit: (env) => {
      const etcd = new Calls().connect(env.endpoints);
      return takenOver(env, async (n) => {
        const session = await Session.open(etcd, { ttl: TTL });
        await new Mutex(session, nameOf(n)).lock();
      });
    },
    // the official client's mutex, by the official program
    go: async (env) => {
      const etcdctl = await findEtcdctl();
      return takenOver(env, async (n) => {
        const args = ["--endpoints", env.endpoints.join(","), "lock", `--ttl=${TTL}`, nameOf(n)];
        const waiter = spawn(etcdctl, args, { stdio: ["ignore", "pipe", "inherit"] });
        endsWithUs(waiter);
        await once(waiter.stdout, "data");
        waiter.kill("SIGKILL");
      });
    },
  },
};

/** The process that is to be killed. */
export async function holdLocks(endpoints: string[]): Promise<void> {
  const etcd = new Calls().connect(endpoints);
  await inParallel(LOCKS, LOCKS, async (n) => {
    // not all renewed at the same moment
    await sleep((n * TTL * 1_000) / 3 / LOCKS);
    await new Mutex(await Session.open(etcd, { ttl: TTL }), nameOf(n)).lock();
  });
}

async function takenOver(env: Env, wait: (n: number) => Promise<void>): Promise<Figures> {
  const holder = spawn(process.execPath, childArguments({ hold: true, endpoints: env.endpoints }), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  endsWithUs(holder);
  const took: number[] = [];
  try {
    await held(holder);
    let killedAt = 0;
    const waiting = Array.from({ length: LOCKS }, async (_, n) => {
      await wait(n);
      took.push(performance.now() - killedAt);
    });
    await sleep(1_000);
    if (took.length > 0) throw new Error("taken over from a holder that lives");
    killedAt = performance.now();
    holder.kill("SIGKILL");
    await Promise.all(waiting);
  } finally {
    holder.kill("SIGKILL");
  }
  return percentiles(took);
}

async function held(holder: ChildProcess): Promise<void> {
  if (!holder.stdout) throw new Error("the holder has no output");
  const ended = once(holder, "exit").then(() => {
    throw new Error("the holder ended by itself");
  });
  await Promise.race([once(holder.stdout, "data"), ended]);
  // its end by SIGKILL is no failure
  ended.catch(() => undefined);
}
