import { Group, type JsonObject } from "@etcdkit/liveness";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
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

test("ids of any script and length are told apart", async () => {
  const group = newGroup();
  const ids = ["a", "A", "a b", "ä", "日本", "..", "left", "a%2Fb", "x".repeat(255), "😀"];
  await Promise.all(ids.map((id) => group.join({ id })));
  expect([...(await group.members()).keys()].sort()).toEqual([...ids].sort());
});
