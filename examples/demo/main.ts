import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Election } from "@etcdkit/election";
import { Group } from "@etcdkit/liveness";
import { connect, Mutex, Session } from "@etcdkit/mutex";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { abortOnInterruption, Interruption } from "./interruption.js";
import { killTheLeader } from "./kill-the-leader.js";
import { unlessLate } from "./late.js";
import { rollingRestart, startAnew } from "./rolling-restart.js";
import { openScreen, type Style } from "./screen.js";
import { Stage } from "./stage.js";
import { type Outcome, summarize } from "./summary.js";
import { sweep } from "./sweep.js";

// The whole story: three instances elect a leader, it is killed, the next one leads; then all are restarted, one by one.

const NAMES = ["ada", "ben", "cleo"] as const;
const TTL = 5;
const CALM_MS = 2_500;
const STYLES: Record<string, Style> = { joined: "good", left: "faint" };

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
  const names = {
    group: prefix,
    election: `${prefix}/leader`,
    job: `${prefix}/job`,
    lock: `${prefix}/lock`,
    counter: `${prefix}/counter`,
  };
  const task = { ...names, hosts: server.endpoints, ttl: TTL };
  // on our lease, as the instances' keys are on theirs: however this ends, nothing stays in etcd
  for (const key of [task.job, task.counter]) {
    await etcd.client.put(key).value(0).lease(`${session.leaseId}`);
  }
  const group = new Group(etcd, task.group);
  const election = Election.observer(etcd, task.election);
  const mutex = new Mutex(session, task.lock);

  const stage = new Stage();
  const screen = openScreen(process.stdout);
  const start = (name: string) => stage.start({ ...task, name }, fail);
  const around = { screen, ttl: TTL, signal, start };
  const over = new AbortController();
  try {
    screen.say("etcdkit demo", "title");
    const whose = server.pid ? `started for this, pid ${server.pid}` : server.name;
    screen.say(`etcd ${server.version} at ${server.endpoints.join(", ")} (${whose})`);
    const who = NAMES.map((name) => `${name} (pid ${start(name).pid})`).join(", ");
    screen.say("Three instances of a service elect a leader, and take turns at a lock:");
    screen.say(`${who}\n`);

    stage.machines.news.listen(({ type, text }) => screen.tell(text, STYLES[type] ?? "bad"));
    stage.machines.follow(group, over.signal).catch(fail);
    tellLeaders().catch(fail);
    stage.show({ election, mutex }, screen, over.signal).catch(fail);

    await unlessLate("a turn of each", signal, (inTime) =>
      Promise.all(
        NAMES.map((name) =>
          stage.reports.next(({ from, type }) => from === name && type === "ended", inTime),
        ),
      ),
    );
    await sleep(CALM_MS, undefined, { signal });
    const succession = await killTheLeader(stage, around);
    await startAnew(stage, succession.victim, around);
    const restart = await rollingRestart(stage, NAMES, around);
    await sleep(1_000, undefined, { signal });

    over.abort();
    screen.end();
    await stage.leave();
    signal.throwIfAborted();
    const { terms, turns } = stage;
    const jobs = [...stage.jobs.values()].reduce((sum, count) => sum + count, 0);
    const counted = (await etcd.client.get(task.counter).number()) ?? 0;
    const outcome = { names: NAMES, ttl: TTL, terms, jobs, turns, counted, succession, restart };
    return summarize({ ...outcome, remaining: await remaining() }, screen);
  } catch (error) {
    // what made it stop, and not how that showed
    throw signal.aborted ? signal.reason : error;
  } finally {
    over.abort();
    screen.end();
    await stage.leave();
    await session.close();
    await sweep(etcd, `${prefix}/`).catch(() => undefined);
  }

  async function tellLeaders(): Promise<void> {
    for await (const leader of election.observe({ signal: over.signal })) {
      if (leader) screen.tell(`${leader.value} leads, token ${leader.fencingToken}`, "good");
    }
  }

  async function remaining(): Promise<Outcome["remaining"]> {
    const members = [...(await group.members()).keys()].map((id) => `member ${id}`);
    const candidates = (await election.contenders()).map(({ key }) => key);
    return [...members, ...candidates, ...(await mutex.contenders()).map(({ key }) => key)];
  }
}
