import { Group } from "@etcdkit/liveness";
import { putBack, startWithHistory } from "@etcdkit/test-support/put-back";
import { eventually } from "@etcdkit/testing";
import { expect, test } from "vitest";
import { open } from "./connect.js";
import { Observer } from "./observe.js";

test("when etcd came back empty, members join again, and those who watch go on", async () => {
  const server = await startWithHistory();
  const name = "put-back";
  const observer = new Observer(new Group(open({ hosts: server.endpoints }), name));
  const join = (id: string) =>
    new Group(open({ hosts: server.endpoints }), name).join({ id, ttl: 3 });
  const member = await join("a");
  await observer.heard("joined a");
  await putBack(server);
  await join("b");
  await observer.heard("joined b", 8_000);
  await eventually(() => observer.present.has("a"), { withinMs: 8_000, what: "a" });
  expect(observer.words("a")).toEqual(["joined a", "died a", "joined a"]);
  await eventually(() => member.state === "joined");
  expect(member.signal.aborted).toBe(false);
});
