import { setTimeout as sleep } from "node:timers/promises";
import { Barrier, DoubleBarrier } from "@etcdkit/barrier";
import { type Connection, type ConnectOptions, connect } from "@etcdkit/core";
import { Election, lead } from "@etcdkit/election";
import { Group } from "@etcdkit/liveness";
import { Mutex } from "@etcdkit/mutex";
import { RWMutex } from "@etcdkit/rwmutex";
import { Session } from "@etcdkit/session";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { eventually } from "@etcdkit/testing/vitest";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

// TLS with client certificates, and a user whose role ends at a prefix and whose tokens are good for a second.
const USER = { name: "worker", password: "secret", prefix: "inside/" };
const TOKEN_TTL_MS = 1_000;

let server: EtcdServer;

beforeAll(async () => {
  const auth = { users: [USER], tokenTtlSeconds: TOKEN_TTL_MS / 1_000 };
  server = await startEtcd({ tls: { clientCert: true }, auth });
}, 60_000);
afterAll(() => server.stop());

function open(options: Partial<ConnectOptions> = {}): Connection {
  const { credentials } = server;
  const etcd = connect({
    hosts: server.endpoints.map((endpoint) => `https://${endpoint}`),
    ...(credentials && { credentials }),
    auth: { username: USER.name, password: USER.password },
    ...options,
  });
  onTestFinished(() => etcd.close());
  return etcd;
}

it("inside its prefix every primitive works, through long waits, expired tokens and a restart of etcd", async () => {
  const etcd = open();
  const [first, second] = [await Session.open(etcd), await Session.open(etcd)];
  const mutex = await new Mutex(first, "inside/mutex").lock();
  const writer = await new RWMutex(first, "inside/rw").writeLock();
  const leader = await new Election(first, "inside/election").campaign("first");
  const barrier = new Barrier(etcd, "inside/barrier");
  await barrier.hold();
  const member = await new Group(etcd, "inside/group").join({ id: "m" });
  const events: string[] = [];
  const watching = (async () => {
    for await (const event of new Group(etcd, "inside/group").watch()) {
      events.push(event.type);
      if (event.type === "left") return;
    }
  })();
  const leaders: (string | undefined)[] = [];
  const observing = (async () => {
    for await (const one of Election.observer(etcd, "inside/election").observe()) {
      leaders.push(one?.value.toString());
      if (leaders.includes("second")) return;
    }
  })();
  const double = { count: 2 };
  const waiting = [
    new Mutex(second, "inside/mutex").lock(),
    new RWMutex(second, "inside/rw").readLock(),
    new Election(second, "inside/election").campaign("second"),
    new Barrier(etcd, "inside/barrier").wait(),
    new DoubleBarrier(first, "inside/double", double).enter(),
  ];
  let settled = 0;
  for (const one of waiting) one.finally(() => settled++).catch(() => undefined);

  // tokens run out by etcd's clock, in silence: there is nothing else to wait for
  await sleep(3 * TOKEN_TTL_MS);
  expect(settled).toBe(0);
  await server.restart();

  await eventually(() => first.state === "connected" && second.state === "connected", {
    withinMs: 10_000,
  });
  await member.update({ after: "the restart" });
  await new DoubleBarrier(second, "inside/double", double).enter();
  await mutex.release();
  await writer.release();
  await leader.resign();
  await barrier.release();
  await member.leave();
  await Promise.all([...waiting, watching, observing]);
  expect(events).toEqual(expect.arrayContaining(["joined", "updated", "left"]));
  expect(leaders.slice(0, 1)).toEqual(["first"]);
}, 60_000);

it("a watch on a stream whose token has expired delivers, and so does one that was there before", async () => {
  let logins = 0;
  const callOptions = () => {
    logins++;
    return {};
  };
  const etcd = open({ auth: { username: USER.name, password: USER.password, callOptions } });
  const other = open();
  const [before, after] = ["inside/before", "inside/after"];
  for (const name of [before, after]) await new Barrier(other, name).hold();
  const waiting = new Barrier(etcd, before).wait();
  waiting.catch(() => undefined);
  // a token is good until nobody has used it for its time, which is looked at once a second
  const everyMs = TOKEN_TTL_MS + 1_500;
  const members = () => new Group(etcd, "inside/group").members();
  await members();
  const first = logins;
  await eventually(async () => (await members()) && logins > first, { withinMs: 20_000, everyMs });
  const waitingToo = new Barrier(etcd, after).wait();
  waitingToo.catch(() => undefined);
  for (const name of [before, after]) await new Barrier(other, name).release();
  await Promise.all([waiting, waitingToo]);
}, 40_000);

describe("outside its prefix, the error names the primitive, the keys and the permission", () => {
  const calls: Record<string, [needs: RegExp, (etcd: Connection) => Promise<unknown>]> = {
    "mutex outside": [
      /read "outside\/" to "outside0", write "outside\/[0-9a-f]+"/,
      async (etcd) => new Mutex(await Session.open(etcd), "outside").lock(),
    ],
    "election outside": [
      /read "outside\/" to "outside0", write "outside\/[0-9a-f]+"/,
      async (etcd) => new Election(await Session.open(etcd), "outside").campaign("me"),
    ],
    "rwmutex outside": [
      /read "outside\/" to "outside0", write "outside\/write\/[0-9a-f]+"/,
      async (etcd) => new RWMutex(await Session.open(etcd), "outside").writeLock(),
    ],
    "mutex outside, tried": [
      /read "outside\/" to "outside0", read "outside\/[0-9a-f]+", write "outside\/[0-9a-f]+"/,
      async (etcd) => new Mutex(await Session.open(etcd), "outside").tryLock(),
    ],
    "rwmutex outside, read": [
      /read "outside\/.*" to "outside.*", write "outside\/read\/[0-9a-f]+"/,
      async (etcd) => new RWMutex(await Session.open(etcd), "outside").readLock(),
    ],
    "election outside, lead": [
      /read "outside\/" to "outside0", write "outside\/[0-9a-f]+"/,
      (etcd) => lead(etcd, "outside", { value: "me" }, async () => undefined),
    ],
    "barrier outside": [/write "outside"/, (etcd) => new Barrier(etcd, "outside").hold()],
    "double barrier outside": [
      /write "outside\/waiters\/[0-9a-f]+"/,
      async (etcd) => new DoubleBarrier(await Session.open(etcd), "outside", { count: 2 }).enter(),
    ],
    "group outside": [/read "outside\//, (etcd) => new Group(etcd, "outside").members()],
    "m of group outside": [
      /write "outside\/.*m"/,
      (etcd) => new Group(etcd, "outside").join({ id: "m" }),
    ],
  };

  it.each(Object.entries(calls))("%s", async (what, [needs, call]) => {
    await expect(call(open())).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: expect.stringContaining(`${what.split(",")[0]}: etcd denies permission`),
    });
    await expect(call(open())).rejects.toThrow(needs);
  });

  it("and within a namespace, the keys as etcd has them", async () => {
    const session = await Session.open(open({ namespace: "elsewhere/" }));
    await expect(new Mutex(session, "lock").lock()).rejects.toThrow(/"elsewhere\/lock\//);
  });

  it("those who watch are told too", async () => {
    const leaders = Election.observer(open(), "outside").observe();
    await expect(leaders[Symbol.asyncIterator]().next()).rejects.toThrow(
      /permission.* read "outside\/" to "outside0"/,
    );
    const members = new Group(open(), "outside").watch();
    await expect(members[Symbol.asyncIterator]().next()).rejects.toThrow(
      /permission.* read "outside\//,
    );
    await expect(new Barrier(open(), "outside").wait()).rejects.toThrow(
      /permission.* read "outside"/,
    );
  });
});
