import { Barrier, DoubleBarrier } from "@etcdkit/barrier";
import { connect } from "@etcdkit/core";
import { Election } from "@etcdkit/election";
import { Group } from "@etcdkit/liveness";
import { Mutex } from "@etcdkit/mutex";
import { RWMutex } from "@etcdkit/rwmutex";
import { Session } from "@etcdkit/session";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import type { Etcd3 } from "etcd3";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";

// What others wrote under the prefixes of ours: nothing of it may be believed, and nothing of it may break what is ours.

let server: EtcdServer;
let client: Etcd3;

beforeAll(async () => {
  // its own: it is filled with what no etcd should hold
  server = await startEtcd({ own: true });
  client = server.client();
}, 60_000);
afterAll(() => server.stop());

const HUGE = Buffer.alloc(1_400_000, "x");
/** More than one message may carry. */
const MANY = 52;

async function put(key: string | Buffer, value: string | Buffer): Promise<void> {
  await client.kv.put({ key: Buffer.from(key), value: Buffer.from(value) });
}

async function hugeUnder(prefix: string): Promise<void> {
  for (let n = 0; n < MANY; n++) await put(`${prefix}huge-${n}`, HUGE);
}

const strange = [
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  Buffer.from("read/"),
  Buffer.from("write/"),
  Buffer.from("waiters/"),
  Buffer.from("a/b/c"),
  Buffer.from(""),
  Buffer.from("%s%n\u202e"),
];

function open() {
  const etcd = connect({ hosts: server.endpoints });
  onTestFinished(() => etcd.close());
  return etcd;
}

async function openSession(): Promise<Session> {
  const session = await Session.open(open());
  onTestFinished(() => session.close());
  return session;
}

it("strange keys in a line count as contenders, are listed, and leave the way when they go", async () => {
  for (const suffix of strange) await put(Buffer.concat([Buffer.from("line/"), suffix]), HUGE);
  const mutex = new Mutex(await openSession(), "line");
  const lock = mutex.lock();
  await eventually(async () => (await mutex.contenders()).length === strange.length + 1);
  await expect(mutex.tryLock()).resolves.toBeUndefined();
  await client.delete().prefix("line/");
  // that was everybody's key, ours too: an operator broke the line, and we are told
  await expect(lock).rejects.toMatchObject({ code: "KEY_DELETED" });
  await (await mutex.lock()).release();
});

it("more than a message can carry in one line", async () => {
  await hugeUnder("crowd/");
  const mutex = new Mutex(await openSession(), "crowd");
  const election = new Election(await openSession(), "crowd");
  const rw = new RWMutex(await openSession(), "crowd");
  const lock = mutex.lock();
  await eventually(async () => (await mutex.contenders()).length === MANY + 1, {
    withinMs: 20_000,
  });
  expect((await election.leader())?.value.length).toBe(HUGE.length);
  expect((await rw.contenders()).length).toBe(MANY + 1);
  const leaders = election.observe()[Symbol.asyncIterator]();
  expect((await leaders.next()).value?.value.length).toBe(HUGE.length);
  for (let n = 0; n < MANY; n++) await client.delete().key(`crowd/huge-${n}`);
  await (await lock).release();
}, 60_000);

it("entries of a group that are no members are none, and those beside them are", async () => {
  const group = new Group(open(), "group");
  const seen: string[] = [];
  const watching = new AbortController();
  const watched = (async () => {
    for await (const event of group.watch({ signal: watching.signal })) {
      seen.push("id" in event ? `${event.type} ${event.id}` : event.type);
    }
  })();
  const entry = { format: 1, id: "x", incarnation: "i", metadata: {}, facts: {} };
  const values = [
    "",
    "null",
    "[]",
    "{",
    '{"__proto__":{"polluted":true}}',
    JSON.stringify({ ...entry, id: "another" }),
    JSON.stringify({ ...entry, incarnation: "a/b" }),
    JSON.stringify({ ...entry, metadata: "text" }),
    JSON.stringify({ ...entry, format: "1" }),
    Buffer.from([0xff, 0xfe]),
    HUGE,
  ];
  for (const value of values) await put("group/members/x", value);
  for (const suffix of strange) {
    await put(Buffer.concat([Buffer.from("group/members/"), suffix]), "{}");
  }
  await put("group/members/x/left/i", "a goodbye that nobody said");
  await hugeUnder("group/members/");
  // facts are the member's own word: what is no fact is left out, what is there is kept
  const odd = { ...entry, id: "odd", facts: { host: 7, pid: "no", addresses: [1, "10.0.0.1"] } };
  await put("group/members/odd", JSON.stringify(odd));
  const member = await group.join({ id: "real", metadata: { ok: true } });

  const members = await group.members();
  expect([...members.keys()].sort()).toEqual(["odd", "real"]);
  expect(members.get("odd")?.facts).not.toHaveProperty("host");
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  await eventually(() => seen.includes("joined real"));
  expect(seen).toEqual(["joined odd", "joined real"]);
  // a second observer begins with a list of it all
  for await (const event of new Group(open(), "group").watch()) {
    expect(event).toMatchObject({ type: "joined", id: "odd" });
    break;
  }
  await member.leave();
  watching.abort();
  await watched;
}, 60_000);

it("barriers: a value that is not ours is a hold of Go's, and a strange ready releases nobody", async () => {
  await put("barrier", Buffer.from([0xff, 0x00]));
  const passed = new Barrier(open(), "barrier").wait();
  await expect(new Barrier(open(), "barrier").hold()).rejects.toMatchObject({
    code: "ALREADY_HELD",
  });
  await client.delete().key("barrier");
  await passed;

  await put("double/ready", HUGE);
  const first = new DoubleBarrier(await openSession(), "double", { count: 2 });
  const second = new DoubleBarrier(await openSession(), "double", { count: 2 });
  let entered = false;
  const entering = first.enter().then(() => {
    entered = true;
  });
  await eventually(async () => (await client.getAll().prefix("double/waiters/").count()) === 1);
  expect(entered).toBe(false);
  await Promise.all([entering, second.enter()]);
  await Promise.all([first.leave(), second.leave()]);
});
