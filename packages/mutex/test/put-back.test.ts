import { connect, Mutex, Session } from "@etcdkit/mutex";
import { backUp, putBack, startWithHistory, writeHistory } from "@etcdkit/test-support/put-back";
import { type EtcdServer, eventually } from "@etcdkit/testing";
import { expect, onTestFinished, test } from "vitest";

// etcd is put back to an earlier state under processes that live on.

function open(server: EtcdServer) {
  const etcd = connect({ hosts: server.endpoints });
  onTestFinished(() => etcd.close());
  return etcd;
}

test("restored to a moment before the lock, a holder and a waiter are told, and another holds", async () => {
  const server = await startWithHistory();
  const session = await Session.open(open(server), { ttl: 20 });
  const backup = await backUp(server);
  const mutex = new Mutex(session, "restored");
  const lock = await mutex.lock();
  const waiting = mutex.lock().then(
    () => "has its turn",
    (error) => error.code,
  );
  await eventually(async () => (await mutex.contenders()).length === 2);
  await putBack(server, backup);
  await eventually(() => lock.signal.aborted, { withinMs: 8_000 });
  expect(lock.signal.reason).toMatchObject({ code: "SESSION_EXPIRED" });
  expect(lock.signal.reason.message).toContain("put back to an earlier state");
  expect(await waiting).toBe("SESSION_EXPIRED");
  const another = await Session.open(open(server), { ttl: 5 });
  const theirs = await new Mutex(another, "restored").lock({ signal: AbortSignal.timeout(5_000) });
  expect([lock.held, theirs.held]).toEqual([false, true]);
});

test("a key that was released, and came back with a backup, keeps nobody waiting", async () => {
  const server = await startWithHistory();
  const etcd = open(server);
  const session = await Session.open(etcd, { ttl: 60 });
  const lock = await new Mutex(session, "released").lock();
  const backup = await backUp(server);
  await lock.release();
  // it holds on: so its line is followed, and what happens to etcd is heard of
  const held = await new Mutex(session, "other").lock();
  await putBack(server, backup);
  await eventually(() => held.signal.aborted, { withinMs: 8_000 });
  const another = await Session.open(etcd, { ttl: 5 });
  const mine = await new Mutex(another, "released").lock({ signal: AbortSignal.timeout(5_000) });
  expect(mine.held).toBe(true);
});

test("emptied, a line that is followed on lets in nobody beside the holder", async () => {
  const server = await startWithHistory();
  const etcd = open(server);
  const before = new Mutex(await Session.open(etcd, { ttl: 5 }), "emptied");
  const first = await before.lock();
  const second = before.lock();
  await eventually(async () => (await before.contenders()).length === 2);
  await first.release();
  await (await second).release();
  // whoever looks at the line keeps it from being forgotten
  const looking = setInterval(() => void before.contenders().catch(() => undefined), 200);
  onTestFinished(() => clearInterval(looking));
  await putBack(server);
  const theirs = await new Mutex(await Session.open(open(server), { ttl: 5 }), "emptied").lock();
  // beyond what the watch waits for
  await writeHistory(server);
  await writeHistory(server);
  const after = new Mutex(await Session.open(etcd, { ttl: 5 }), "emptied");
  const order: string[] = [];
  const mine = after.lock().then(() => order.push("mine"));
  await eventually(async () => (await after.contenders()).length === 2, { withinMs: 8_000 });
  // its watch has told of it by the time that another is in line
  void after.lock().catch(() => undefined);
  await eventually(async () => (await after.contenders()).length === 3, { withinMs: 8_000 });
  order.push("theirs released");
  await theirs.release();
  await mine;
  expect(order).toEqual(["theirs released", "mine"]);
});
