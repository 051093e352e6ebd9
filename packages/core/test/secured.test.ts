import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Clock, SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import type { EtcdFailure } from "../src/etcd.js";

const USER = { name: "worker", password: "secret", prefix: "inside/" };

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ auth: { users: [USER] } });
}, 60_000);
afterAll(() => server.stop());

function open(clock: Clock = new SystemClock()): EtcdConnection {
  const auth = { username: USER.name, password: USER.password };
  const connection = openConnection({ hosts: server.endpoints, auth }, clock);
  onTestFinished(() => connection.close());
  return connection;
}

describe("a watch that etcd refuses", () => {
  function record(connection: EtcdConnection, name: string) {
    const told: { created?: bigint; seen: string[]; ended?: EtcdFailure } = { seen: [] };
    const key = Buffer.from(name);
    const watch = connection.watches.open(
      { key },
      {
        created: (revision) => {
          told.created = revision;
        },
        events: (events) => told.seen.push(...events.map(({ kv }) => kv.value.toString())),
        ended: (failure) => {
          told.ended = failure;
        },
      },
    );
    return { told, watch };
  }

  it("ends as denied, and no other does", async () => {
    const connection = open();
    const first = record(connection, "inside/a");
    const refused = record(connection, "outside/x");
    const last = record(connection, "inside/b");
    await eventually(() => refused.told.ended);
    await eventually(() => first.told.created && last.told.created);
    expect(refused.told.ended?.kind).toBe("permission");
    await server.client().put("inside/b").value("1");
    await eventually(() => last.told.seen.length === 1);
    expect(first.told.ended).toBeUndefined();
  });

  it("after it was closed ends no other", async () => {
    const connection = open();
    const first = record(connection, "inside/c");
    await eventually(() => first.told.created);
    const closed = record(connection, "outside/x");
    closed.watch.close();
    const last = record(connection, "inside/d");
    await eventually(() => last.told.created ?? last.told.ended);
    expect(last.told.ended).toBeUndefined();
    await server.client().put("inside/d").value("1");
    await eventually(() => last.told.seen.length === 1);
    // its place was not kept for longer than its answer took: the next that is refused is told
    const refused = record(connection, "outside/y");
    await eventually(() => refused.told.ended);
    expect(refused.told.ended?.kind).toBe("permission");
    expect(closed.told).toEqual({ seen: [] });
  });
});
