import { internals } from "@etcdkit/core/internal";
import { type Connection, Group, type Member, MembershipError } from "@etcdkit/liveness";
import { startEtcd, startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { open } from "./connect.js";
import { Observer } from "./observe.js";

// One id is one member's.

const fulfilled = (results: PromiseSettledResult<Member>[]): Member[] =>
  results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));

test("of twenty that join at once with one id, one is in and nineteen are told", async () => {
  const name = `${testPrefix()}group`;
  const groups = Array.from({ length: 20 }, () => new Group(open(), name));
  const results = await Promise.allSettled(groups.map((group) => group.join({ id: "a" })));
  const [member, ...more] = fulfilled(results);
  expect(more).toEqual([]);
  for (const result of results) {
    if (result.status === "rejected") {
      expect(result.reason).toBeInstanceOf(MembershipError);
      expect(result.reason).toMatchObject({
        code: "ID_TAKEN",
        other: { incarnation: member?.incarnation },
      });
    }
  }
});

test("a duplicate that is refused has written nothing, and keeps no lease", async () => {
  const server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
  const group = new Group(open({ hosts: server.endpoints }), "group");
  await group.join({ id: "a" });
  const client = server.client();
  const revision = async () => (await client.get("any").exec()).header.revision;
  const leases = async () => (await client.leaseClient.leaseLeases()).leases;
  const before = [await revision(), await leases()];
  expect(before[1]).toHaveLength(1);
  await expect(group.join({ id: "a" })).rejects.toMatchObject({ code: "ID_TAKEN" });
  await eventually(async () => (await leases()).length === 1);
  expect([await revision(), await leases()]).toEqual(before);
});

test("of ten that take an id over at once one stays, and none fights", async () => {
  const name = `${testPrefix()}group`;
  const groups = Array.from({ length: 10 }, () => new Group(open(), name));
  const observer = new Observer(groups[0] as Group);
  const join = (group: Group) => group.join({ id: "a", takeOver: true });
  const members = fulfilled(await Promise.allSettled(groups.map(join)));
  expect(members).toHaveLength(10);
  await eventually(() => members.filter(({ signal }) => signal.aborted).length === 9);
  const [stays] = members.filter(({ signal }) => !signal.aborted);
  for (const member of members) {
    if (member !== stays) expect(member.signal.reason).toMatchObject({ code: "TAKEN_OVER" });
  }
  const info = (await groups[0]?.members())?.get("a");
  expect(info?.incarnation).toBe(stays?.incarnation);
  // what they wrote before is told before
  await groups[0]?.join({ id: "marker" });
  await observer.heard("joined marker");
  // each wrote once
  const replaced = Array.from({ length: 9 }, () => "updated a");
  expect(observer.words("a")).toEqual(["joined a", ...replaced]);
});

test("one that was away while another took its id hears of it when it is back", async () => {
  const name = `${testPrefix()}group`;
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const away = await new Group(open({ hosts: [proxy.endpoint] }), name).join({ id: "a", ttl: 2 });
  const group = new Group(open(), name);
  const observer = new Observer(group, false);
  await proxy.cut();
  await observer.heard("died a");
  const other = await group.join({ id: "a" });
  expect(away.state).toBe("lost");
  await proxy.restore();
  await eventually(() => away.signal.aborted);
  expect(away.signal.reason).toMatchObject({
    code: "TAKEN_OVER",
    other: { incarnation: other.incarnation },
  });
  expect(observer.words()).toEqual(["joined a", "died a", "joined a"]);
});

test("one whose id was taken and left again while it was cut off is replaced all the same", async () => {
  const name = `${testPrefix()}group`;
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const away = await new Group(open({ hosts: [proxy.endpoint] }), name).join({ id: "a", ttl: 15 });
  const group = new Group(open(), name);
  const observer = new Observer(group, false);
  // it follows its key: else it would not hear of it
  await observer.heard("joined a");
  await testClient().delete().key(`${name}/members/a`);
  await eventually(() => observer.words().length === 3);
  await proxy.cut();
  const other = await group.join({ id: "a", takeOver: true });
  await other.leave();
  await proxy.restore();
  await eventually(() => away.signal.aborted, { withinMs: 10_000 });
  expect(away.signal.reason).toMatchObject({
    code: "TAKEN_OVER",
    other: { incarnation: other.incarnation },
  });
  expect(observer.words().slice(1)).toEqual(["died a", "joined a", "updated a", "left a"]);
});

test.for([["its watch"], ["the answer to its write alone"]] as const)(
  "one that hears by %s of who took its id, when its session is new, does not write over that",
  async ([how]) => {
    const name = `${testPrefix()}group`;
    const etcd = open();
    const theirs = new Group(etcd, name);
    const group = new Group(open(), name);
    const observer = new Observer(how === "its watch" ? theirs : group, false);
    if (how !== "its watch") tellNothing(etcd);
    const away = await theirs.join({ id: "a" });
    const { current } = internals(etcd).members;
    const grant = current.leaseGrant.bind(current);
    let asked = false;
    let answer = () => {};
    const later = new Promise<void>((resolve) => {
      answer = resolve;
    });
    current.leaseGrant = async (...request) => {
      asked = true;
      await later;
      return await grant(...request);
    };
    const lease = (await group.members()).get("a")?.leaseId;
    await testClient().leaseClient.leaseRevoke({ ID: `${lease}` });
    await eventually(() => asked);
    const other = await group.join({ id: "a" });
    // what was written before is heard of before, by all watches of a connection
    await group.join({ id: "marker" });
    await observer.heard("joined marker");
    answer();
    await eventually(() => away.signal.aborted);
    expect(away.signal.reason).toMatchObject({ code: "TAKEN_OVER" });
    expect((await group.members()).get("a")?.incarnation).toBe(other.incarnation);
    expect(observer.words("a")).toEqual(["joined a", "died a", "joined a"]);
  },
);

/** Watches that are opened from now on tell of no change. */
function tellNothing(etcd: Connection): void {
  const { watches } = internals(etcd);
  const open = watches.open.bind(watches);
  watches.open = (range, handlers) =>
    open(range, {
      created: handlers.created?.bind(handlers),
      ended: handlers.ended.bind(handlers),
      events: () => undefined,
    });
}

test("a join that is cancelled when it has arrived leaves nobody behind, and nobody is said to have died", async () => {
  const name = `${testPrefix()}group`;
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const etcd = open({ hosts: [proxy.endpoint] });
  const group = new Group(open(), name);
  const observer = new Observer(group, false);
  await group.join({ id: "marker" });
  await observer.heard("joined marker");
  const controller = new AbortController();
  const written = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "mute" });
  const joining = new Group(etcd, name).join({ id: "a", signal: controller.signal });
  const refused = expect(joining).rejects.toThrow("never mind");
  await written;
  await observer.heard("joined a");
  controller.abort(new Error("never mind"));
  await refused;
  proxy.reset();
  await etcd.close();
  expect([...(await group.members()).keys()]).toEqual(["marker"]);
  await (await group.join({ id: "end" })).leave();
  await observer.heard("left end");
  expect(observer.words("a")).toEqual(["joined a", "left a"]);
});
