import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { beforeEach, expect, test } from "vitest";
import { Clients } from "../src/clients.js";
import { eventually, startProxy, type TcpProxy } from "../src/index.js";
import { sharedEtcd } from "../src/vitest.js";

/** Sends back what it gets, in upper case. */
const echo = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    heard += chunk;
    socket.write(chunk.toString().toUpperCase());
  });
});
let heard = "";
let proxy: TcpProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  heard = "";
  if (!echo.listening) await once(echo.listen(0, "127.0.0.1"), "listening");
  const address = echo.address();
  if (!address || typeof address === "string") throw new Error("no port");
  proxy = await startProxy({ target: `127.0.0.1:${address.port}` });
  return async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await proxy.close();
  };
});

interface Talk {
  socket: Socket;
  got: () => string;
  end: () => string | undefined;
}

async function dial(): Promise<Talk> {
  const [host, port] = proxy.endpoint.split(":");
  const socket = connect(Number(port), host);
  sockets.push(socket);
  let got = "";
  let end: string | undefined;
  socket.on("data", (chunk) => {
    got += chunk;
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    end = error.code;
  });
  socket.on("close", () => {
    end ??= "closed";
  });
  await once(socket, "connect");
  return { socket, got: () => got, end: () => end };
}

async function exchange(talk: Talk, text: string): Promise<void> {
  const before = talk.got();
  talk.socket.write(text);
  await eventually(() => talk.got() === before + text.toUpperCase(), {
    what: `an echo of ${text}`,
  });
}

/** Long enough for anything that is going to arrive at once to have arrived. */
async function roundTrip(): Promise<void> {
  const address = echo.address();
  if (!address || typeof address === "string") throw new Error("no port");
  const socket = connect(address.port, "127.0.0.1");
  const before = heard;
  for (let i = 0; i < 10; i++) {
    socket.write(".");
    await once(socket, "data");
  }
  socket.destroy();
  heard = before;
}

test("bytes pass both ways and are counted", async () => {
  const talk = await dial();
  await exchange(talk, "hello");
  expect(proxy.bytes).toEqual({ up: 5, down: 5 });
  expect([proxy.connections, proxy.accepted]).toEqual([1, 1]);
  talk.socket.end();
  await eventually(() => proxy.connections === 0);
  expect(proxy.accepted).toBe(1);
});

test("cut closes connections and refuses new ones until restore", async () => {
  const talk = await dial();
  await exchange(talk, "a");
  await proxy.cut();
  await eventually(() => talk.end());
  await expect(dial()).rejects.toThrow("ECONNREFUSED");
  await proxy.cut();
  await proxy.restore();
  await proxy.restore();
  await exchange(await dial(), "b");
});

test("stall holds bytes, and resume lets them go", async () => {
  const talk = await dial();
  await exchange(talk, "a");
  proxy.stall();
  talk.socket.write("b");
  const late = await dial();
  late.socket.write("c");
  await roundTrip();
  expect(heard).toBe("a");
  proxy.resume();
  await eventually(() => talk.got() === "AB" && late.got() === "C");
  expect(talk.end()).toBeUndefined();
});

test("stall upwards lets replies through, and stall downwards requests", async () => {
  const talk = await dial();
  await exchange(talk, "a");
  proxy.stall({ direction: "down" });
  talk.socket.write("b");
  await eventually(() => heard === "ab");
  await roundTrip();
  expect(talk.got()).toBe("A");
  proxy.resume();
  await eventually(() => talk.got() === "AB");
  proxy.stall({ direction: "up" });
  talk.socket.write("c");
  await roundTrip();
  expect(heard).toBe("ab");
});

test("a stall holds far more than one buffer, and loses nothing", async () => {
  const talk = await dial();
  await exchange(talk, "a");
  proxy.stall();
  const big = "b".repeat(8 << 20);
  talk.socket.write(big);
  await roundTrip();
  proxy.resume();
  await eventually(() => talk.got().length === big.length + 1);
});

test("what a discarding stall swallowed never arrives, and its connection is reset", async () => {
  const [talk, quiet] = [await dial(), await dial()];
  await exchange(talk, "a");
  await exchange(quiet, "z");
  proxy.stall({ direction: "up", discard: true });
  talk.socket.write("b");
  await roundTrip();
  expect(talk.end()).toBeUndefined();
  proxy.resume();
  expect(await eventually(() => talk.end())).toBe("ECONNRESET");
  expect(heard).toBe("az");
  await exchange(quiet, "y");
});

test("in a hole the one side does not hear that the other has gone", async () => {
  const talk = await dial();
  await exchange(talk, "a");
  proxy.stall();
  talk.socket.resetAndDestroy();
  await roundTrip();
  expect(proxy.connections).toBe(1);
  proxy.resume();
  await eventually(() => proxy.connections === 0);
});

test("delay makes each way that much longer, in order", async () => {
  const talk = await dial();
  await exchange(talk, "a");
  proxy.delay(40);
  const start = performance.now();
  await exchange(talk, "b");
  expect(performance.now() - start).toBeGreaterThanOrEqual(79);
  talk.socket.write("c");
  proxy.delay(0);
  await exchange(talk, "").catch(() => undefined);
  talk.socket.write("d");
  await eventually(() => talk.got() === "ABCD");
});

test("reset breaks live connections and takes new ones", async () => {
  const talk = await dial();
  await exchange(talk, "a");
  proxy.reset();
  expect(await eventually(() => talk.end())).toBe("ECONNRESET");
  await exchange(await dial(), "b");
});

test("breakAfter passes the request on and then breaks", async () => {
  const talk = await dial();
  const broken = proxy.breakAfter({ match: (chunk) => chunk.includes("now") });
  await exchange(talk, "later");
  talk.socket.write("now");
  await broken;
  expect(await eventually(() => talk.end())).toBe("ECONNRESET");
  expect(talk.got()).toBe("LATER");
  await eventually(() => heard === "laternow");
  await exchange(await dial(), "again");
});

test("breakAfter can cut, so that nothing gets through until restore", async () => {
  const talk = await dial();
  const broken = proxy.breakAfter({ how: "cut", direction: "down" });
  talk.socket.write("a");
  await broken;
  await eventually(() => talk.end());
  await expect(dial()).rejects.toThrow("ECONNREFUSED");
});

test("a target that does not answer resets the client", async () => {
  await using dead = await startProxy({ target: "127.0.0.1:1" });
  const [host, port] = dead.endpoint.split(":");
  const socket = connect(Number(port), host);
  const [error] = await once(socket, "error");
  expect(error).toMatchObject({ code: "ECONNRESET" });
});

test("a muted reply: etcd has acted, and its client does not know", async () => {
  const [target = ""] = sharedEtcd().endpoints;
  await using before = await startProxy({ target });
  const through = new Clients({
    endpoints: [before.endpoint],
    credentials: undefined,
    auth: undefined,
  });
  const direct = new Clients({ endpoints: [target], credentials: undefined, auth: undefined });
  const client = through.open();
  const key = `muted/${process.pid}`;
  try {
    await client.put(`${key}/first`).value("1");
    const acted = before.breakAfter({
      match: (chunk) => chunk.includes(`${key}/second`),
      how: "mute",
    });
    const put = client.put(`${key}/second`).value("2").exec();
    const outcome = put.then(
      () => "an answer",
      () => "an error",
    );
    await acted;
    expect(await eventually(() => direct.open().get(`${key}/second`).string())).toBe("2");
    before.reset();
    expect(await outcome).toBe("an error");
    expect(await client.get(`${key}/second`).string()).toBe("2");
  } finally {
    through.close();
    direct.close();
  }
});
