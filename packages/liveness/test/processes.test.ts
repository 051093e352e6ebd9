import { Group } from "@etcdkit/liveness";
import { startCluster, startEtcd } from "@etcdkit/testing";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { open } from "./connect.js";
import { startEach } from "./members.js";
import { Observer } from "./observe.js";

// Members in four processes, and one that observes.

const IDS = ["a", "b", "c", "d"];
const ALL_JOINED = IDS.map((id) => `joined ${id}`);

type Stage = Awaited<ReturnType<typeof stage>>;

async function stage(ttl: number, { hosts = sharedEtcd().endpoints, ttlOfD = ttl } = {}) {
  const name = `${testPrefix()}group`;
  const etcd = open({ hosts });
  const group = new Group(etcd, name);
  const observer = new Observer(group);
  const [abc, d] = await Promise.all([
    startEach({ hosts, name, ids: IDS.slice(0, 3), ttl }),
    startEach({ hosts, name, ids: ["d"], ttl: ttlOfD }),
  ]);
  const programs = new Map([...abc, ...d]);
  for (const word of ALL_JOINED) await observer.heard(word);
  const program = (id: string) => {
    const found = programs.get(id);
    if (!found) throw new Error(`no program ${id}`);
    return found;
  };
  return { etcd, group, observer, program };
}

/** Whole seconds that are left of a member's lease, rounded down. */
async function secondsLeft({ etcd, group }: Stage, id: string): Promise<number> {
  const { leaseId } = (await group.members()).get(id) ?? {};
  return Number((await etcd.client.leaseClient.leaseTimeToLive({ ID: `${leaseId}` })).TTL);
}

/** Resolves when it has renewed its lease, with a time before that renewal: that of the last look that found it undone. */
async function renewed(members: Stage, id: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  let before = performance.now();
  return await eventually(
    async () => {
      const at = performance.now();
      const left = await secondsLeft(members, id);
      if (left > least) return before;
      least = left;
      before = at;
      return undefined;
    },
    { withinMs: 20_000, everyMs: 20, what: `a renewal of ${id}` },
  );
}

/** Waits until each has renewed its lease twice from now on: what etcd held against any of them is over then. */
async function allRenewed(members: Stage): Promise<void> {
  await Promise.all(
    IDS.map(async (id) => {
      await renewed(members, id);
      await renewed(members, id);
    }),
  );
}

/** On a machine that stood still itself, a member was frozen for longer than it should have been: it is done again. */
const ATTEMPTS = 4;

/** Freezes it from one renewal until a sixth of its TTL is over; resolves after two more, with what was told of it meanwhile. */
async function frozenBriefly(members: Stage, id: string, ttl: number): Promise<string[]> {
  const { process } = members.program(id);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = members.observer.words(id).length;
    const since = await renewed(members, id);
    process.kill("SIGSTOP");
    // rounded down, so that one second of six has passed
    const passed = async () => (await secondsLeft(members, id)) <= (ttl * 5) / 6 - 1;
    await eventually(passed, { withinMs: ttl * 1_000 });
    process.kill("SIGCONT");
    await renewed(members, id);
    const tookMs = performance.now() - since;
    await renewed(members, id);
    // sooner than it could be called silent
    if (tookMs < (ttl * 1_000) / 2) return members.observer.words(id).slice(before);
  }
  throw new Error(`${id} was never frozen for so short a time`);
}

/** Freezes it until it is suspected, and wakes it before 0.8 of its TTL has passed; resolves with how many words were told of it before. */
async function frozenUntilSuspected(members: Stage, id: string, ttl: number): Promise<number> {
  const { observer } = members;
  const { process } = members.program(id);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = observer.words(id).length;
    const since = await renewed(members, id);
    // a second later it has heard of that: by the answer to the renewal before, it would rely on its lease for less long
    await eventually(async () => (await secondsLeft(members, id)) <= ttl - 2);
    process.kill("SIGSTOP");
    const suspected = () => observer.words(id).at(-1) === `suspected ${id}`;
    await eventually(suspected, { withinMs: ttl * 1_000, what: `suspicion of ${id}` });
    process.kill("SIGCONT");
    // suspected with less than half left
    const renewedAgain = async () => (await secondsLeft(members, id)) > ttl / 2;
    await eventually(renewedAgain, { withinMs: ttl * 1_000 });
    const tookMs = performance.now() - since;
    await eventually(() => observer.words(id).at(-1) === `recovered ${id}`);
    if (tookMs < ttl * 1_000 * 0.8) return before;
  }
  throw new Error(`${id} was never woken in time`);
}

test("killed, it has died; told to leave, it has left; frozen for a while, it was suspected or nothing", {
  timeout: 60_000,
}, async () => {
  const ttl = 6;
  // that of the one that is frozen leaves a slow machine time to wake it
  const ttlOfD = 10;
  const members = await stage(ttl, { ttlOfD });
  const { group, observer, program } = members;
  const nothing = frozenBriefly(members, "a", ttl);
  const frozen = frozenUntilSuspected(members, "d", ttlOfD);
  const changedAt = performance.now();
  program("b").process.kill("SIGKILL");
  program("c").process.stdin?.write("leave\n");

  const left = await observer.heard("left c");
  expect(left.at - changedAt).toBeLessThan(1_000);
  expect(await program("c").ended).toBe(0);

  const died = await observer.heard("died b", ttl * 1_000 + 2_000);
  expect(died.at - changedAt).toBeLessThan(ttl * 1_000 + 1_000);
  expect(died.event).toMatchObject({ witnessed: true });
  expect(await nothing).toEqual([]);
  const before = await frozen;
  // what happened before is told before
  await (await group.join({ id: "marker" })).leave();
  await observer.heard("left marker");

  expect(observer.words("b")).toEqual(["joined b", "suspected b", "died b"]);
  expect(observer.words("c")).toEqual(["joined c", "left c"]);
  expect(observer.words("d").slice(before)).toEqual(["suspected d", "recovered d"]);
  expect([...(await group.members()).keys()]).toEqual(["a", "d"]);
  expect(observer.fold()).toEqual(await group.members());
});

test("frozen for longer than its TTL, it has died, and joins again when it wakes", async () => {
  const { group, observer, program } = await stage(2);
  const before = (await group.members()).get("d");
  program("d").process.kill("SIGSTOP");
  await observer.heard("died d", 4_000);
  program("d").process.kill("SIGCONT");
  await eventually(() => observer.words("d").at(-1) === "joined d");
  const after = (await group.members()).get("d");
  expect(after?.incarnation).toBe(before?.incarnation);
  expect(after?.leaseId).not.toBe(before?.leaseId);
});

const FAULT_TTL = 4;

/** What was told of all but joining, once each, when it is over and the watch has told it all. */
async function afterTheFault(members: Stage): Promise<string[]> {
  const { group, observer } = members;
  await allRenewed(members);
  expect([...(await group.members()).keys()]).toEqual(IDS);
  await (await group.join({ id: "marker" })).leave();
  await observer.heard("left marker");
  expect(observer.fold()).toEqual(await group.members());
  const joined = observer.words().filter((word) => word.startsWith("joined "));
  expect(joined.sort()).toEqual([...ALL_JOINED, "joined marker"]);
  return observer.words().filter((word) => !/^(joined|updated) |marker$/.test(word));
}

async function etcdRestarts(): Promise<string[]> {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const members = await stage(FAULT_TTL, { hosts: server.endpoints });
  await server.kill();
  await server.restart();
  return await afterTheFault(members);
}

async function leaderDies(): Promise<string[]> {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  const members = await stage(FAULT_TTL, { hosts: cluster.endpoints });
  await (await cluster.leader()).kill();
  return await afterTheFault(members);
}

test("nobody dies when etcd is restarted, or the leader of a cluster is killed", {
  timeout: 60_000,
}, async () => {
  expect(await Promise.all([etcdRestarts(), leaderDies()])).toEqual([[], []]);
});
