import { setImmediate as turn } from "node:timers/promises";
import { type EtcdServer, startEtcd, startProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { SystemClock } from "../src/clock.js";
import { type EtcdConnection, openConnection } from "../src/connection.js";
import { Lease } from "../src/lease.js";
import { Snapshot } from "../src/snapshot.js";

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server.stop());

function open(hosts = server.endpoints): EtcdConnection {
  const connection = openConnection({ hosts }, new SystemClock());
  onTestFinished(() => connection.close());
  return connection;
}

async function leases(): Promise<bigint[]> {
  const { leases } = await server.client().leaseClient.leaseLeases();
  return leases.map(({ ID }) => BigInt(ID));
}

/** How often the server was asked to revoke a lease so far, by its own count. */
async function revocations(): Promise<number> {
  const metrics = await server.get("/metrics");
  const lines = metrics.matchAll(
    /^grpc_server_handled_total\{.*grpc_method="LeaseRevoke".*\} (\S+)$/gm,
  );
  return [...lines].reduce((total, [, count]) => total + Number(count), 0);
}

async function proxied() {
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  return { proxy, connection: open([proxy.endpoint]) };
}

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("a connection that closes", () => {
  it("leaves no lease and no timer, however far the opening of another session has come", async () => {
    await leases();
    const before = timers();
    for (let turns = 0; turns < 60; turns++) {
      const connection = open();
      const first = await Lease.grant(connection, { ttl: 60 });
      const opening = Lease.grant(connection, { ttl: 60 }).catch((error: unknown) => error);
      for (let n = 0; n < turns; n++) await turn();
      await connection.close();
      expect(await leases()).toEqual([]);
      expect(connection.leases.size).toBe(0);
      expect(first.state).toBe("closed");
      const opened = await opening;
      if (opened instanceof Lease) expect(opened.state).toBe("closed");
      else expect(opened).toMatchObject({ code: "CONNECTION_CLOSED" });
    }
    expect(timers()).toBeLessThanOrEqual(before);
  }, 30_000);

  it("revokes a lease whose grant is answered only then", async () => {
    const { proxy, connection } = await proxied();
    await Lease.grant(connection, { ttl: 60 });
    proxy.stall({ direction: "down" });
    const opening = Lease.grant(connection, { ttl: 60 });
    const refused = expect(opening).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    await eventually(async () => (await leases()).length === 2);
    const closing = connection.close();
    proxy.resume();
    await closing;
    await refused;
    expect(await leases()).toEqual([]);
  });

  it("waits for the revocation of a session that was being closed", async () => {
    const { proxy, connection } = await proxied();
    const lease = await Lease.grant(connection, { ttl: 60 });
    proxy.stall();
    void lease.close();
    const closing = connection.close();
    await turn();
    proxy.resume();
    await closing;
    expect(await leases()).toEqual([]);
  });

  it("adopts no lease any more, and leaves it as it was", async () => {
    const former = open();
    const { id } = await Lease.grant(former, { ttl: 60 });
    const { proxy, connection } = await proxied();
    await Lease.grant(connection, { ttl: 60 });
    proxy.stall({ direction: "down" });
    const adopting = Lease.adopt(connection, id, {});
    const refused = expect(adopting).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    const closing = connection.close();
    proxy.resume();
    await closing;
    await refused;
    expect(connection.leases.size).toBe(0);
    expect(await leases()).toEqual([id]);
  });

  it("sends nothing for a session that is asked for only then", async () => {
    const { proxy, connection } = await proxied();
    const { id } = await Lease.grant(connection, { ttl: 60 });
    const before = await revocations();
    proxy.stall();
    const closing = connection.close();
    const code = { code: "CONNECTION_CLOSED" };
    await expect(Lease.grant(connection, { ttl: 60 })).rejects.toMatchObject(code);
    await expect(Lease.adopt(connection, id, {})).rejects.toMatchObject(code);
    proxy.resume();
    await closing;
    expect(await leases()).toEqual([]);
    // its one session, and nothing that was never granted
    expect((await revocations()) - before).toBe(1);
  });

  it("does not wait for a grant longer than for one attempt and its undoing", async () => {
    const { proxy, connection } = await proxied();
    proxy.stall();
    const opening = Lease.grant(connection, { ttl: 60 });
    const refused = expect(opening).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    const started = performance.now();
    await connection.close();
    await refused;
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("runs what is to be said before, also what comes while it closes, once", async () => {
    const connection = open();
    const said: string[] = [];
    const say = (word: string, and: () => void = () => undefined) => {
      connection.beforeClose(async () => {
        said.push(word);
        and();
      });
    };
    say("first", () => {
      expect(connection.closing).toBe(true);
      connection.background(Promise.resolve().then(() => say("second")));
    });
    await connection.close();
    expect(said).toEqual(["first", "second"]);
  });

  it("revokes nothing while that is being said, though who is told of it closes the connection too", async () => {
    const connection = open();
    const lease = await Lease.grant(connection, { ttl: 60 });
    const closings: Promise<void>[] = [];
    let alive: boolean | undefined;
    connection.beforeClose(async () => {
      closings.push(connection.close());
      await leases();
      alive = lease.alive;
    });
    closings.push(connection.close());
    await Promise.all(closings);
    expect(alive).toBe(true);
    expect(await leases()).toEqual([]);
  });
});

describe("a session that is closed", () => {
  it.each([
    ["it", (lease: Lease) => lease.close()],
    ["its connection", (lease: Lease) => lease.connection.close()],
  ])("is revoked by the time that a listener of its signal has closed %s", async (_, close) => {
    const { proxy, connection } = await proxied();
    const lease = await Lease.grant(connection, { ttl: 60 });
    proxy.delay(100);
    const heard = new Promise<void>((resolve) => {
      lease.signal.addEventListener("abort", () => resolve(close(lease)));
    });
    void lease.close();
    await heard;
    expect(await leases()).toEqual([]);
  });
});

describe("on a closed connection", () => {
  it("a watch ends at once, as closed, and leaves no timer", async () => {
    const connection = open();
    await connection.close();
    const before = timers();
    const failure = await new Promise((ended) => {
      const events = () => undefined;
      connection.watches.open({ key: Buffer.from("key") }, { events, ended });
    });
    expect(failure).toMatchObject({ kind: "closed" });
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it("a view of a range fails, as closed", async () => {
    const connection = open();
    await connection.close();
    const error = await new Promise((failed) => {
      const nothing = () => undefined;
      const range = { key: Buffer.from("key") };
      new Snapshot(connection, range, "test", { state: nothing, changes: nothing, failed });
    });
    expect(error).toMatchObject({ code: "CONNECTION_CLOSED" });
  });
});
