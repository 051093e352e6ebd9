import { type Connection, Group } from "@etcdkit/liveness";
import { startCluster, startEtcd } from "@etcdkit/testing";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { open } from "./connect.js";
import { startEach } from "./members.js";
import { Observer } from "./observe.js";

// Members in four processes, and one that observes.

const IDS = ["a", "b", "c", "d"];
const ALL_JOINED = IDS.map((id) => `joined ${id}`);

async function stage(ttl: number, hosts = sharedEtcd().endpoints) {
  const name = `${testPrefix()}group`;
  const etcd = open({ hosts });
  const group = new Group(etcd, name);
  const observer = new Observer(group);
  const programs = await startEach({ hosts, name, ids: IDS, ttl });
  for (const word of ALL_JOINED) await observer.heard(word);
  const program = (id: string) => {
    const found = programs.get(id);
    if (!found) throw new Error(`no program ${id}`);
    return found;
  };
  return { etcd, group, observer, program };
}

/** Waits until each has renewed its lease twice from now on: what etcd held against any of them is over then. */
async function allRenewed(etcd: Connection, group: Group): Promise<void> {
  const left = new Map<string, number>();
  const renewals = new Map(IDS.map((id) => [id, 0]));
  await eventually(
    async () => {
      for (const [id, { leaseId }] of await group.members()) {
        const { TTL } = await etcd.client.leaseClient.leaseTimeToLive({ ID: `${leaseId}` });
        const before = left.get(id) ?? Number(TTL);
        if (Number(TTL) > before) renewals.set(id, (renewals.get(id) ?? 0) + 1);
        left.set(id, Number(TTL));
      }
      return [...renewals.values()].every((count) => count >= 2);
    },
    { withinMs: 20_000, everyMs: 100 },
  );
}

test("killed, it has died; told to leave, it has left; frozen for a while, it was suspected", async () => {
  const ttl = 6;
  const { group, observer, program } = await stage(ttl);
  const changedAt = performance.now();
  program("b").process.kill("SIGKILL");
  program("c").process.stdin?.write("leave\n");
  program("d").process.kill("SIGSTOP");

  const left = await observer.heard("left c");
  expect(left.at - changedAt).toBeLessThan(1_000);
  expect(await program("c").ended).toBe(0);

  await observer.heard("suspected d", ttl * 1_000);
  program("d").process.kill("SIGCONT");
  const died = await observer.heard("died b", ttl * 1_000 + 2_000);
  expect(died.at - changedAt).toBeLessThan(ttl * 1_000 + 1_000);
  expect(died.event).toMatchObject({ witnessed: true });
  await observer.heard("recovered d");
  // what happened before is told before
  await (await group.join({ id: "marker" })).leave();
  await observer.heard("left marker");

  expect(observer.words("a")).toEqual(["joined a"]);
  expect(observer.words("b")).toEqual(["joined b", "suspected b", "died b"]);
  expect(observer.words("c")).toEqual(["joined c", "left c"]);
  // "updated" where it woke so late that it did not rely on its session any more
  const wordsOfD = observer.words("d").filter((word) => word !== "updated d");
  expect(wordsOfD).toEqual(["joined d", "suspected d", "recovered d"]);
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

/** What was told of all but joining, when it is over. */
async function afterTheFault({ etcd, group, observer }: Awaited<ReturnType<typeof stage>>) {
  await allRenewed(etcd, group);
  expect([...(await group.members()).keys()]).toEqual(IDS);
  return observer.words().filter((word) => !/^(joined|updated) /.test(word));
}

async function etcdRestarts(): Promise<string[]> {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const members = await stage(FAULT_TTL, server.endpoints);
  await server.kill();
  await server.restart();
  return await afterTheFault(members);
}

async function leaderDies(): Promise<string[]> {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  const members = await stage(FAULT_TTL, cluster.endpoints);
  await (await cluster.leader()).kill();
  return await afterTheFault(members);
}

test("nobody dies when etcd is restarted, or the leader of a cluster is killed", {
  timeout: 60_000,
}, async () => {
  expect(await Promise.all([etcdRestarts(), leaderDies()])).toEqual([[], []]);
});
