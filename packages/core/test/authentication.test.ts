import { type EtcdServer, startEtcd, startProxy, type TcpProxy } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import {
  type InterceptingCall,
  type InterceptorOptions,
  type Metadata,
  status,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Authentication, INVALID_TOKEN } from "../src/authentication.js";
import { SystemClock } from "../src/clock.js";
import { openConnection } from "../src/connection.js";
import type { Etcd } from "../src/etcd.js";
import { openMember } from "../src/etcd3.js";

const USER = { name: "worker", password: "secret", prefix: "inside/" };
const auth = { username: USER.name, password: USER.password };
const key = Buffer.from("inside/absent");

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ auth: { users: [USER] } });
}, 60_000);
afterAll(() => server.stop());

async function proxied(): Promise<TcpProxy> {
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  return proxy;
}

function member(host = server.endpoints[0] ?? ""): Etcd {
  const opened = openMember({ hosts: host, auth }, host);
  onTestFinished(() => opened.close());
  return opened;
}

const read = (etcd: Etcd, deadlineMs = 2_000) => etcd.range({ key }, { deadlineMs });

/** From now on every token that was given to the user is refused. */
async function invalidateTokens(): Promise<void> {
  await server.client().auth.userChangePassword({ name: USER.name, password: USER.password });
}

/** How often the server was asked for a token so far, by its own count. */
async function authentications(): Promise<number> {
  const metrics = await server.get("/metrics");
  const lines = metrics.matchAll(
    /^grpc_server_handled_total\{.*grpc_method="Authenticate".*\} (\S+)$/gm,
  );
  return [...lines].reduce((total, [, count]) => total + Number(count), 0);
}

describe("a token is given over a connection of its own:", () => {
  /** Calls on one member, until one is answered. */
  function reader({ endpoint }: TcpProxy) {
    const connection = openConnection({ hosts: endpoint, auth }, new SystemClock());
    onTestFinished(() => connection.close());
    return () => {
      const patience = { what: "test", signal: AbortSignal.timeout(5_000) };
      return connection.call((etcd, call) => etcd.range({ key }, call), patience);
    };
  }

  it("that of the last time may be half open", async () => {
    const proxy = await proxied();
    const given = proxy.breakAfter({
      direction: "down",
      match: (chunk) => /[A-Za-z]{16}\.\d/.test(chunk.toString("latin1")),
      how: "mute",
    });
    const readAgain = reader(proxy);
    await readAgain();
    await given;
    await invalidateTokens();
    await readAgain();
  }, 10_000);

  it("that on which no answer came is not waited on again", async () => {
    const proxy = await proxied();
    void proxy.breakAfter({ match: (chunk) => chunk.includes(USER.password), how: "mute" });
    await reader(proxy)();
  }, 10_000);

  it("none stays open", async () => {
    const proxy = await proxied();
    const etcd = member(proxy.endpoint);
    await read(etcd);
    for (let n = 0; n < 3; n++) {
      await invalidateTokens();
      await read(etcd);
    }
    // that of the calls
    await eventually(() => proxy.connections === 1);
    etcd.close();
    await eventually(() => proxy.connections === 0);
  });
});

describe("a call waits for a token no longer than its own deadline, and was not sent then:", () => {
  const notSent = { kind: "unavailable", sent: false };

  it("for the first, which is there for the next call all the same", async () => {
    const proxy = await proxied();
    const etcd = member(proxy.endpoint);
    const before = await authentications();
    proxy.stall();
    await expect(read(etcd, 200)).rejects.toMatchObject(notSent);
    proxy.resume();
    await read(etcd);
    expect(await authentications()).toBe(before + 1);
  });

  it("for another one, where that it had is refused", async () => {
    const proxy = await proxied();
    const etcd = member(proxy.endpoint);
    await read(etcd);
    await invalidateTokens();
    void proxy.breakAfter({ match: (chunk) => chunk.includes(USER.password), how: "mute" });
    await expect(read(etcd, 200)).rejects.toMatchObject(notSent);
  });
});

describe("when a token is refused", () => {
  it("another one is asked for once, for all calls that it was refused to", async () => {
    const etcd = member();
    await read(etcd);
    await invalidateTokens();
    const before = await authentications();
    await Promise.all(Array.from({ length: 20 }, () => read(etcd)));
    expect(await authentications()).toBe(before + 1);
  });

  it("one that took its place since stays", async () => {
    let asked = 0;
    const authentication = new Authentication(async () => `token ${++asked}`);
    /** A call that was sent with `metadata` hears that its token is not valid. */
    function refuse(metadata: Metadata): void {
      const refused = { code: status.UNAUTHENTICATED, details: INVALID_TOKEN, metadata };
      const call: Pick<InterceptingCall, "start"> = {
        start: (_, listener) => listener?.onReceiveStatus?.(refused),
      };
      const nextCall = () => call as InterceptingCall;
      authentication.interceptor({} as InterceptorOptions, nextCall).start(metadata);
    }
    const first = await authentication.metadata();
    refuse(first);
    const second = await authentication.metadata();
    expect(second.get("token")).toEqual(["token 2"]);
    refuse(first);
    expect(await authentication.metadata()).toBe(second);
    refuse(second);
    expect((await authentication.metadata()).get("token")).toEqual(["token 3"]);
  });
});
