import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, Mutex, Session } from "@etcdkit/mutex";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { abortOnInterruption, Interruption } from "./interruption.js";
import { openScreen, type Screen } from "./screen.js";
import { Stage } from "./stage.js";
import { seconds } from "./stopwatch.js";
import { summarize } from "./summary.js";
import type { Report } from "./task.js";

// The whole story: three workers take turns, the holder is killed, the next one takes over, the rest go on.

const NAMES = ["ada", "ben", "cleo"];
const TTL = 5;
const BEFORE_THE_KILL_MS = 7_000;
const AFTER_THE_TAKE_OVER_MS = 6_000;
/** A report older than this may tell of a turn that is over. */
const FRESH_NS = 200_000_000n;
/** Above the TTL by what etcd's own looking for expired leases, and an election of its leader, may add. */
const TAKE_OVER_LIMIT_MS = 3 * TTL * 1_000;

try {
  const wrong = await withEtcd(demo);
  for (const what of wrong) process.stderr.write(`demo: wrong: ${what}\n`);
  if (wrong.length > 0) process.exitCode = 1;
  else process.stdout.write("\nAll is as it should be, and nothing is left running.\n");
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof Interruption ? error.exitCode : 1;
}

async function withEtcd<T>(play: (server: EtcdServer, stop: AbortController) => Promise<T>) {
  await using server = await startEtcd();
  const stop = new AbortController();
  abortOnInterruption(stop);
  return await play(server, stop);
}

async function demo(server: EtcdServer, stop: AbortController): Promise<string[]> {
  const { signal } = stop;
  const fail = (error: Error) => stop.abort(error);
  await using etcd = connect({ hosts: server.endpoints });
  await using session = await Session.open(etcd, { ttl: TTL });

  const prefix = `etcdkit-demo-${randomBytes(3).toString("hex")}`;
  const task = {
    hosts: server.endpoints,
    lock: `${prefix}/lock`,
    counter: `${prefix}/counter`,
    ttl: TTL,
  };
  // on our lease, as the workers' keys are on theirs: however this ends, nothing stays in etcd
  await etcd.client.put(task.counter).value(0).lease(`${session.leaseId}`);

  const stage = new Stage();
  const screen = openScreen(process.stdout);
  const over = new AbortController();
  try {
    screen.say("etcdkit demo", "title");
    const whose = server.pid ? `started for this, pid ${server.pid}` : server.name;
    screen.say(`etcd ${server.version} at ${server.endpoints.join(", ")} (${whose})`);
    for (const name of NAMES) stage.start({ ...task, name }, fail);
    const who = stage.workers.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
    screen.say(`Three processes take turns at the lock ${task.lock}:\n${who}\n`);
    stage.watch(new Mutex(session, task.lock), screen, over.signal).catch(fail);

    await stage.report((_, { type }) => type === "began", signal);
    await sleep(BEFORE_THE_KILL_MS, undefined, { signal });
    const takeOverMs = await killTheHolder(stage, screen, signal);
    await sleep(AFTER_THE_TAKE_OVER_MS, undefined, { signal });

    await stage.leave();
    signal.throwIfAborted();
    over.abort();
    screen.end();
    const counted = (await etcd.client.get(task.counter).number()) ?? 0;
    const { workers, turns } = stage;
    return summarize({ workers, turns, counted, takeOverMs, ttl: TTL }, screen);
  } catch (error) {
    // what made it stop, and not how that showed
    throw signal.aborted ? signal.reason : error;
  } finally {
    over.abort();
    screen.end();
    await stage.leave();
    // one that was killed a moment ago has its key until its lease runs out
    const deadline = Date.now() + 2_000;
    const remains = etcd.client.delete().prefix(`${prefix}/`).options({ deadline });
    await remains.exec().catch(() => undefined);
  }
}

/** Resolves with the milliseconds from the kill to the next one's turn. */
async function killTheHolder(stage: Stage, screen: Screen, signal: AbortSignal): Promise<number> {
  const victim = await stage.report((_, report) => isInMidTurn(report), signal);
  const killedAt = await stage.kill(victim);
  screen.note(
    `${victim.name}, who holds the lock, was killed with SIGKILL in the middle of a turn.\n` +
      "The process is gone, but etcd cannot tell dead from slow: only when its lease has run\n" +
      `out, up to the TTL of ${TTL} s after it was last renewed, may the next one have the lock.`,
    "bad",
  );
  const late = AbortSignal.timeout(TAKE_OVER_LIMIT_MS);
  const heir = await stage
    .report(
      (worker, { type }) => worker !== victim && type === "began",
      AbortSignal.any([signal, late]),
    )
    .catch((error) => {
      if (error !== late.reason) throw error;
      throw new Error(`nobody took over within ${seconds(TAKE_OVER_LIMIT_MS)} of the kill`);
    });
  const began = stage.turns.underWay(heir.name)?.began ?? killedAt;
  const takeOverMs = Number(began - killedAt) / 1e6;
  screen.note(`${heir.name} took over ${seconds(takeOverMs)} after the kill.`, "good");
  return takeOverMs;
}

function isInMidTurn(report: Report): boolean {
  return (
    report.type === "works" && report.done === 3 && process.hrtime.bigint() - report.at < FRESH_NS
  );
}
