import { setImmediate } from "node:timers/promises";
import { Group, type Member } from "@etcdkit/liveness";
import { startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { expect, onTestFinished, test } from "vitest";
import { open } from "./connect.js";
import { Observer } from "./observe.js";

// A connection that is closed while a member is on its way in: nobody stays, and nobody is said to have died.

const timeouts = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

test("whoever joined, or was about to, has left when the connection is closed", async () => {
  const name = `${testPrefix()}group`;
  const group = new Group(open(), name);
  const observer = new Observer(group, false);
  await group.join({ id: "marker" });
  await observer.heard("joined marker");
  const before = timeouts();
  const members: Member[] = [];
  for (let round = 0; round < 40; round++) {
    const etcd = open();
    const theirs = new Group(etcd, name);
    members.push(await theirs.join({ id: `a${round}` }));
    const joining = theirs.join({ id: `b${round}` }).then(
      (member) => members.push(member),
      (error: unknown) => expect(error).toMatchObject({ code: "CONNECTION_CLOSED" }),
    );
    for (let turn = 0; turn < round; turn++) await setImmediate();
    await etcd.close();
    await joining;
  }
  expect(members.filter(({ state }) => state !== "left").map(({ id }) => id)).toEqual([]);
  expect([...(await group.members()).keys()]).toEqual(["marker"]);
  // the last word is the last: what an earlier round left to etcd would have been told by then
  await (await group.join({ id: "end" })).leave();
  await observer.heard("left end");
  expect(observer.words().filter((word) => word.startsWith("died"))).toEqual([]);
  expect([...observer.present]).toEqual(["marker"]);
  // those of our own streams come and go; what stays behind does so in many of the forty rounds
  await eventually(() => timeouts() <= before + 3);
});

test("a join that has arrived, and whose answer is lost, is refused at once when the connection is closed, and told as left", async () => {
  const name = `${testPrefix()}group`;
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const etcd = open({ hosts: [proxy.endpoint] });
  const group = new Group(open(), name);
  const observer = new Observer(group, false);
  await group.join({ id: "marker" });
  await observer.heard("joined marker");
  const written = proxy.breakAfter({ match: (chunk) => chunk.includes(name), how: "mute" });
  const joining = new Group(etcd, name).join({ id: "a" });
  const refused = expect(joining).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  await written;
  await observer.heard("joined a");
  const closing = etcd.close();
  await refused;
  proxy.reset();
  await closing;
  await (await group.join({ id: "end" })).leave();
  await observer.heard("left end");
  expect(observer.words("a")).toEqual(["joined a", "left a"]);
});

test("a member that is told of its leaving, and leaves, has left when that resolves", async () => {
  const name = `${testPrefix()}group`;
  const proxy = await startProxy({ target: sharedEtcd().endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const member = await new Group(open({ hosts: [proxy.endpoint] }), name).join({ id: "a" });
  proxy.delay(200);
  const left = new Promise((resolve) => {
    member.signal.addEventListener("abort", () => {
      const present = async () => (await new Group(open(), name).members()).has("a");
      resolve(member.leave().then(present));
    });
  });
  const leaving = member.leave();
  expect(member.state).toBe("left");
  expect(await left).toBe(false);
  await leaving;
});
