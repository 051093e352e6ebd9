import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Barrier, DoubleBarrier } from "@etcdkit/barrier";
import { buildGo, type GoProgram, withoutGo } from "@etcdkit/test-support/go";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { startGo } from "./go-peer.js";
import { openConnection, openSession } from "./open.js";
import { outcomeOf } from "./outcome.js";
import { waitingAt } from "./waiting-at.js";

// In one barrier with etcd's own recipes in Go.

let program: GoProgram | undefined;
let server: EtcdServer;

beforeAll(async () => {
  program = await buildGo(join(import.meta.dirname, "go"));
}, 300_000);
afterAll(() => program?.remove());

beforeEach(async ({ skip }) => {
  skip(!program, withoutGo);
  // of its own: Go's waiter hangs when anybody writes anything between hold and wait
  server = await startEtcd({ own: true });
  onTestFinished(() => server.stop());
});

const peer = (options: { name: string; count?: number; ttl?: number }) =>
  startGo(program as GoProgram, { hosts: server.endpoints, ...options });
const connection = () => openConnection({ hosts: server.endpoints });

test("Go holds: we wait for its release, and our hold is refused", async () => {
  const go = peer({ name: "barrier" });
  expect(await (await go.begin("hold")).result).toBe("done");
  const etcd = connection();
  const barrier = new Barrier(etcd, "barrier");
  await expect(barrier.hold()).rejects.toMatchObject({ code: "ALREADY_HELD" });
  const waiting = outcomeOf(barrier.wait());
  await waitingAt(etcd, "barrier", 1);
  await go.begin("release");
  expect(await waiting.settled).toBe("done");
});

test.for([["unleased"], ["release"], ["fail"]] as const)(
  "we hold (%s): Go waits for our release, and its hold is refused",
  async ([how]) => {
    const session = await openSession({ hosts: server.endpoints, ttl: 20 });
    const barrier = new Barrier(session.connection, "barrier");
    await barrier.hold(how === "unleased" ? {} : { session, onHolderLost: how });
    const [go, other] = [peer({ name: "barrier" }), peer({ name: "barrier" })];
    expect(await (await other.begin("hold")).result).toBe("key already exists");
    const waiting = outcomeOf((await go.begin("wait")).result);
    // that it does not come back cannot be waited for
    await sleep(300);
    expect(waiting.now).toBe("pending");
    await barrier.release();
    expect(await waiting.settled).toBe("done");
  },
);

test("Go releases what we hold", async () => {
  const session = await openSession({ hosts: server.endpoints, ttl: 20 });
  const barrier = new Barrier(session.connection, "barrier");
  await barrier.hold({ session, onHolderLost: "fail" });
  const etcd = connection();
  const waiting = outcomeOf(new Barrier(etcd, "barrier").wait());
  await waitingAt(etcd, "barrier", 1);
  await (await peer({ name: "barrier" }).begin("release")).result;
  expect(await waiting.settled).toBe("done");
});

interface Either {
  enter(): Promise<string>;
  leave(): Promise<string>;
}

async function ours(name: string, count: number): Promise<Either> {
  const session = await openSession({ hosts: server.endpoints, ttl: 20 });
  const member = new DoubleBarrier(session, name, { count });
  const told = (call: Promise<void>) =>
    call.then(
      () => "done",
      ({ code, message }) => `${code ?? message}`,
    );
  return { enter: () => told(member.enter()), leave: () => told(member.leave()) };
}

function theirs(name: string, count: number, ttl = 10): Either & { kill(): void } {
  const go = peer({ name, count, ttl });
  const take = async (step: "enter" | "leave") => await (await go.begin(step)).result;
  return { enter: () => take("enter"), leave: () => take("leave"), kill: go.kill };
}

const keys = (name: string) => server.client().getAll().prefix(`${name}/waiters/`).keys();

/** One after the other, so that it is known who is the eldest and who completes the round. */
async function enterInOrder(name: string, members: readonly Either[]): Promise<string[]> {
  const entering: Promise<string>[] = [];
  for (const [index, member] of members.entries()) {
    entering.push(member.enter());
    await expect.poll(async () => (await keys(name)).length).toBe(index + 1);
  }
  return await Promise.all(entering);
}

const both = ["done", "done", "done", "done"];

test("members of both kinds enter and leave together, whoever is first, last, and goes first", async () => {
  const name = "double";
  const members: Either[] = [
    await ours(name, 4),
    theirs(name, 4),
    await ours(name, 4),
    theirs(name, 4),
  ];
  for (let round = 0; round < 8; round++) {
    // each is the eldest and the last in turn
    const order = members.map((_, n) => members[(n + round) % 4] as Either);
    expect(await enterInOrder(name, order)).toEqual(both);
    const last = order.splice(round % 3, 1)[0] as Either;
    const leaving = order.map((member) => member.leave());
    const outcomes = leaving.map((leave) => outcomeOf(leave));
    // that nobody leaves cannot be waited for
    await sleep(150);
    expect(outcomes.map(({ now }) => now)).toEqual(["pending", "pending", "pending"]);
    expect(await Promise.all([...leaving, last.leave()])).toEqual(both);
    expect(await server.client().getAll().prefix(name).keys()).toEqual([]);
  }
}, 60_000);

test("one too many is refused, of either kind", async () => {
  const name = "double";
  const members = [await ours(name, 2), theirs(name, 2)];
  expect(await enterInOrder(name, members)).toEqual(["done", "done"]);
  expect(await (await ours(name, 2)).enter()).toBe("TOO_MANY");
  expect(await theirs(name, 2).enter()).toBe("too many clients");
  expect(await keys(name)).toHaveLength(2);
  expect(await Promise.all(members.map((member) => member.leave()))).toEqual(["done", "done"]);
});

test.for([["eldest"], ["last"]] as const)(
  "Go's member, the %s, dies after it was full",
  async ([which]) => {
    const name = "double";
    const victim = theirs(name, 3, 2);
    const rest = [await ours(name, 3), theirs(name, 3)];
    const order = which === "eldest" ? [victim, ...rest] : [...rest, victim];
    expect(await enterInOrder(name, order)).toEqual(["done", "done", "done"]);
    victim.kill();
    expect(await Promise.all(rest.map((member) => member.leave()))).toEqual(["done", "done"]);
  },
);
