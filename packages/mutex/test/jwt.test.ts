import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { connect, Mutex, Session } from "../src/index.js";
import { inLine } from "./in-line.js";

// A signed token (JWT) is good until it expires or any user or role is changed: etcd refuses it then as too old.

const user = { name: "worker", password: "secret", prefix: "inside/" };

let server: EtcdServer;

beforeAll(async () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const folder = await mkdtemp(join(tmpdir(), "etcdkit-jwt-"));
  const [pub, priv] = [join(folder, "pub.pem"), join(folder, "priv.pem")];
  await Promise.all([writeFile(pub, publicKey), writeFile(priv, privateKey)]);
  const args = [`--auth-token=jwt,pub-key=${pub},priv-key=${priv},sign-method=RS256,ttl=10m`];
  server = await startEtcd({ auth: { users: [user] }, args });
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
}, 30_000);

let users = 0;

/** From now on every token that was given out before is refused. */
async function outdateTokens(): Promise<void> {
  // its own token is as old as the client
  await server.client().user(`another-${++users}`).create("password");
}

function open() {
  const auth = { username: user.name, password: user.password };
  const etcd = connect({ hosts: server.endpoints, auth });
  onTestFinished(() => etcd.close());
  return etcd;
}

it("a lock is handed over promptly", async () => {
  const etcd = open();
  const name = "inside/lock";
  const lock = await new Mutex(await Session.open(etcd, { ttl: 10 }), name).lock();
  const waiting = new Mutex(await Session.open(open(), { ttl: 10 }), name).lock();
  await inLine(new Mutex(await Session.open(open(), { ttl: 10 }), name), 2);
  // its token is another one than that of the locks
  await etcd.client.get("inside/guarded");
  await outdateTokens();
  const guarded = lock.guard().then(etcd.client.put("inside/guarded").value("by the client"));
  expect(await guarded.commit()).toMatchObject({ succeeded: true });
  const released = performance.now();
  await lock.release();
  expect((await waiting).held).toBe(true);
  expect(performance.now() - released).toBeLessThan(1_000);
}, 30_000);

it("a session lives on", async () => {
  const session = await Session.open(open(), { ttl: 2 });
  const lock = await new Mutex(session, "inside/kept").lock();
  for (let change = 0; change < 8; change++) {
    await outdateTokens();
    await new Mutex(session, `inside/other-${change}`).withLock(() => undefined);
    const until = performance.now() + 500;
    await eventually(() => performance.now() > until);
  }
  expect(session.state).toBe("connected");
  expect(lock.held).toBe(true);
}, 30_000);

it("a watch that is refused for its old token goes on with a new one", async () => {
  const etcd = open();
  const session = await Session.open(etcd, { ttl: 10 });
  const other = await Session.open(open(), { ttl: 10 });
  const held = await new Mutex(other, "inside/a").lock();
  const heldToo = await new Mutex(other, "inside/b").lock();
  // opens the stream
  const waiting = new Mutex(session, "inside/a").lock();
  await inLine(new Mutex(session, "inside/a"), 2);
  await outdateTokens();
  // on the stream of the old token
  const waitingToo = new Mutex(session, "inside/b").lock();
  await inLine(new Mutex(session, "inside/b"), 2);
  await Promise.all([held.release(), heldToo.release()]);
  const locks = await Promise.all([waiting, waitingToo]);
  expect(locks.map((lock) => lock.held)).toEqual([true, true]);
}, 30_000);
