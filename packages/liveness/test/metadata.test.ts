import { EtcdFailure, internals } from "@etcdkit/core/internal";
import { Group, type JsonObject } from "@etcdkit/liveness";
import { eventually, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test, vi } from "vitest";
import { open } from "./connect.js";

const newGroup = () => new Group(open(), `${testPrefix()}group`);

test("metadata comes out as it went in, up to 64 KiB of JSON", async () => {
  const group = newGroup();
  const metadata: JsonObject = {
    text: 'é\u0000"\ud800',
    list: [1.5, -0.001, true, null, [], {}],
    ["__proto__"]: { inside: 1 },
  };
  await group.join({ id: "a", metadata });
  // bytes: {"a":""} are 8
  await group.join({ id: "b", metadata: { a: "x".repeat(65_528) } });
  const members = await group.members();
  expect(JSON.stringify(members.get("a")?.metadata)).toBe(JSON.stringify(metadata));
  expect(String(members.get("b")?.metadata.a)).toHaveLength(65_528);
  expect(({} as { inside?: number }).inside).toBeUndefined();
});

test("what the caller changes afterwards is not written", async () => {
  const group = newGroup();
  const metadata = { list: [1] };
  const member = await group.join({ id: "a", metadata });
  metadata.list.push(2);
  expect((await group.members()).get("a")?.metadata).toEqual({ list: [1] });
  const updating = member.update(metadata);
  metadata.list.push(3);
  await updating;
  expect((await group.members()).get("a")?.metadata).toEqual({ list: [1, 2] });
});

test("of updates at the same time the last one stays, and each has been told", async () => {
  const group = newGroup();
  const member = await group.join({ id: "a" });
  await Promise.all(Array.from({ length: 50 }, (_, n) => member.update({ n })));
  expect((await group.members()).get("a")?.metadata).toEqual({ n: 49 });
  await expect(member.update({ n: 1n } as never)).rejects.toThrow(TypeError);
  await expect(member.update([] as never)).rejects.toThrow(TypeError);
  expect((await group.members()).get("a")?.metadata).toEqual({ n: 49 });
});

test("updates one after the other wait for nothing, and one that is refused is tried again ever more slowly", async () => {
  const etcd = open();
  const member = await new Group(etcd, `${testPrefix()}group`).join({ id: "a" });
  const since = performance.now();
  // as repairs they would take 5 s at least
  for (let n = 0; n < 8; n++) await member.update({ n });
  expect(performance.now() - since).toBeLessThan(4_000);
  const refusedAt: number[] = [];
  vi.spyOn(internals(etcd).members.current, "txn").mockImplementation(async () => {
    refusedAt.push(performance.now());
    throw new EtcdFailure("refused", "by the test");
  });
  await expect(member.update({ n: 8 })).rejects.toMatchObject({ code: "REFUSED" });
  await eventually(() => refusedAt.length >= 6);
  const [first = 0, , , , , sixth = 0] = refusedAt;
  expect(sixth - first).toBeGreaterThan(700);
  vi.restoreAllMocks();
  await member.update({ n: 9 });
});

test("ids of any script and length are told apart", async () => {
  const group = newGroup();
  const ids = ["a", "A", "a b", "ä", "日本", "..", "left", "a%2Fb", "x".repeat(255), "😀"];
  await Promise.all(ids.map((id) => group.join({ id })));
  expect([...(await group.members()).keys()].sort()).toEqual([...ids].sort());
});
