import { startEtcd, startProxy } from "@etcdkit/testing";
import { eventually, sharedEtcd, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
import { underPrefix } from "../src/keys.js";
import { listRange, Snapshot } from "../src/snapshot.js";

function open() {
  const connection = openConnection({ hosts: sharedEtcd().endpoints }, new SystemClock());
  onTestFinished(() => connection.close());
  return connection;
}

it("a snapshot tells the state and then every change after it, none of them twice", async () => {
  const connection = open();
  const client = testClient();
  const prefix = testPrefix();
  const written: bigint[] = [];
  const snapshots = Array.from({ length: 40 }, () => {
    const told: { state?: bigint; known: number; changes: bigint[] } = { known: 0, changes: [] };
    const begin = () =>
      new Snapshot(connection, underPrefix(prefix), "test", {
        state: (kvs, revision) => {
          told.state = revision;
          told.known = kvs.length;
        },
        changes: (events) => told.changes.push(...events.map(({ kv }) => kv.modRevision)),
        failed: (error) => expect.unreachable(String(error)),
      });
    return { told, begin };
  });
  for (const { begin } of snapshots) {
    const snapshot = begin();
    onTestFinished(() => snapshot.close());
    // several at once, so that writes fall between the list and the watch
    const puts = Array.from({ length: 8 }, (_, n) => client.put(`${prefix}${n}`).value(""));
    for (const { header } of await Promise.all(puts)) written.push(BigInt(header.revision));
  }
  written.sort((a, b) => Number(a - b));
  for (const { told } of snapshots) {
    const state = await eventually(() => told.state);
    const later = written.filter((revision) => revision > state);
    await eventually(() => told.changes.length >= later.length);
    expect(told.changes).toEqual(later);
  }
});

it("more keys than fit on a page are listed as of one revision", async () => {
  const connection = open();
  const prefix = testPrefix();
  const client = testClient();
  for (let n = 0; n < 2_500; n += 100) {
    const ops = Array.from({ length: 100 }, (_, i) => client.put(`${prefix}${n + i}`).value(""));
    await client
      .if(prefix, "Create", "==", 0)
      .then(...ops)
      .commit();
  }
  const listing = listRange(connection, underPrefix(prefix), { what: "test" });
  await client.put(`${prefix}late`).value("");
  const { kvs, revision } = await listing;
  expect(kvs.filter(({ modRevision }) => modRevision > revision)).toEqual([]);
  const keys = new Set(kvs.map(({ key }) => key.toString()));
  expect(keys.size).toBe(kvs.length);
  expect(kvs.length - (keys.has(`${prefix}late`) ? 1 : 0)).toBe(2_500);
});

it("what the list has seen need not be in history any more when the watch is opened anew", async () => {
  await using server = await startEtcd({ own: true });
  await using proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  const client = server.client();
  const connection = openConnection({ hosts: proxy.endpoint }, new SystemClock());
  onTestFinished(() => connection.close());
  const member = connection.members.current;
  const range = member.range.bind(member);
  // time goes by between the start of the watch and the list, and nothing happens below the prefix
  member.range = async (request, call) => {
    for (let n = 0; n < 20; n++) await client.put("elsewhere").value(n);
    return range(request, call);
  };
  const states: bigint[] = [];
  const changes: string[] = [];
  const snapshot = new Snapshot(connection, underPrefix("here/"), "test", {
    state: (_, revision) => states.push(revision),
    changes: (events) => changes.push(...events.map(({ type }) => type)),
    failed: (error) => expect.unreachable(String(error)),
  });
  const listed = await eventually(() => states[0]);
  await client.kv.compact({ revision: String(listed) });
  await proxy.cut();
  await client.put("here/one").value("");
  await client.delete().key("here/one");
  await proxy.restore();
  await eventually(() => changes.length === 2 || states.length > 1);
  expect(changes).toEqual(["put", "delete"]);
  expect(states).toEqual([listed]);
  snapshot.close();
});
