import { startCluster } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
import { openMember } from "../src/etcd3.js";

it("a member that answers, but has no leader, says so to calls, and a watch leaves it and loses nothing by it", async () => {
  await using cluster = await startCluster({ size: 3, proxied: true });
  const connection = openConnection({ hosts: cluster.endpoints }, new SystemClock());
  onTestFinished(() => connection.close());
  const key = Buffer.from("watched");
  const seen: string[] = [];
  let created = 0;
  connection.watches.open(
    { key },
    {
      created: () => created++,
      events: (events) => seen.push(...events.map(({ kv }) => kv.value.toString())),
      ended: ({ kind }) => expect(kind).toBe("closed"),
    },
  );
  await eventually(() => created === 1);
  const index = cluster.proxies.findIndex(({ accepted }) => accepted > 0);
  const [own] = cluster.members.filter((_, n) => n === index);
  const others = cluster.members.filter((_, n) => n !== index);
  const tried = () => cluster.proxies.filter((_, n) => n !== index).map(({ accepted }) => accepted);
  expect(tried()).toEqual([0, 0]);

  await Promise.all(others.map((member) => member.pause()));
  // it answers, and would tell the progress of watches too: that it has no leader is all that is wrong with it
  await eventually(async () => (await own?.get("/metrics"))?.includes("etcd_server_has_leader 0"), {
    withinMs: 10_000,
  });
  await eventually(() => tried().some((accepted) => accepted > 0), { withinMs: 15_000 });
  // nor does a call wait there for an answer that cannot come
  const host = cluster.endpoints[index] ?? "";
  const asked = openMember({ hosts: host }, host);
  onTestFinished(() => asked.close());
  const answer = asked.range({ key }, { deadlineMs: 5_000 });
  await expect(answer).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("no leader"),
  });
  for (const member of others) member.resume();
  await cluster.leader();
  await eventually(() => cluster.client().put(key).value("1"), { withinMs: 10_000 });
  await eventually(() => seen.length > 0, { withinMs: 10_000 });
  expect(new Set(seen)).toEqual(new Set(["1"]));
}, 60_000);
