import {
  type Holding,
  KeyDeletedError,
  RWMutex,
  type Session,
  SessionExpiredError,
} from "@etcdkit/rwmutex";
import {
  type EtcdServer,
  eventually,
  startEtcd,
  startProxy,
  type TcpProxy,
} from "@etcdkit/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";
import { type Outcome, outcomeOf } from "./outcome.js";
import { ask, type Scene, setTheScene, type Who, whos } from "./scene.js";

// The key, the lease or the connection is taken away, or history, on a server of our own.

const TTL = 2;
const table = whos.map((who) => [who.who, who] as const);

let server: EtcdServer;

beforeAll(async () => {
  server = await startEtcd({ own: true });
});

afterAll(() => server.stop());

interface Stage {
  scene: Scene;
  session: Session;
  proxy: TcpProxy;
  victim: Outcome<Holding>;
  key: string;
  behind: Outcome<Holding>;
}

/** The one it is about is in this process, alone on a connection through a proxy. */
async function setUp(who: Who, ttl = 20): Promise<Stage> {
  const scene = await setTheScene(who, server.endpoints);
  const proxy = await startProxy({ target: server.endpoints[0] ?? "" });
  onTestFinished(() => proxy.close());
  const session = await openSession({ hosts: [proxy.endpoint], ttl });
  const victim = outcomeOf(ask(new RWMutex(session, scene.name), who.kind));
  const behind = await scene.askBehind();
  if (who.holds) await eventually(() => victim.settled);
  expect([victim.settled, behind.settled]).toEqual([who.holds, false]);
  const key = `${scene.name}/${who.kind}/${session.leaseId.toString(16)}`;
  return { scene, session, proxy, victim, key, behind };
}

/** The holder by its signal, the waiter by its rejection. */
async function hears({ victim }: Stage, { holds }: Who, withinMs: number): Promise<unknown> {
  const heard = () => (holds ? victim.value?.signal.aborted : victim.settled);
  await eventually(heard, { withinMs, what: "the loss" });
  if (holds) expect(victim.value?.held).toBe(false);
  return holds ? victim.value?.signal.reason : victim.error;
}

/** Who was kept out comes in, once who was ahead is gone too. */
async function comesIn({ scene, behind }: Stage): Promise<void> {
  if (scene.kind === "read") await scene.ahead?.release();
  else expect(scene.ahead?.held ?? true).toBe(true);
  await eventually(() => behind.value?.held, { what: "the next one" });
}

test.for(table)(
  "the key of %s is deleted: told within a second, and the session lives",
  async ([, who]) => {
    const stage = await setUp(who);
    await server.client().delete().key(stage.key);
    expect(await hears(stage, who, 1_000)).toBeInstanceOf(KeyDeletedError);
    expect(stage.session.state).toBe("connected");
    await comesIn(stage);
    await stage.victim.value?.release();
    expect(stage.behind.value?.held).toBe(true);
  },
);

test.for(table)(
  "the lease of %s is revoked: told within a second, as the end of its session",
  async ([, who]) => {
    const stage = await setUp(who);
    await server.client().leaseClient.leaseRevoke({ ID: `${stage.session.leaseId}` });
    expect(await hears(stage, who, 1_000)).toBeInstanceOf(SessionExpiredError);
    expect(stage.session.state).toBe("expired");
    await comesIn(stage);
  },
);

test.for(table)("%s is cut off for good: told before anybody else can come in", async ([, who]) => {
  const stage = await setUp(who, TTL);
  await stage.proxy.cut();
  const since = performance.now();
  const reason = await hears(stage, who, TTL * 1_000);
  expect(reason).toBeInstanceOf(SessionExpiredError);
  expect(performance.now() - since).toBeLessThan(TTL * 1_000);
  // etcd still has its key
  expect(stage.behind.settled).toBe(false);
  expect((await stage.scene.looker.contenders()).map(({ key }) => key)).toContain(stage.key);
  await comesIn(stage);
});

test.for(table)(
  "%s is cut off for a while, and history compacted meanwhile: nothing is lost",
  async ([, who]) => {
    const stage = await setUp(who);
    const { scene, proxy, session, victim, behind } = stage;
    await proxy.cut();
    // what it does not see, and never will: others come and go, and its turn comes
    const passing = outcomeOf(scene.looker.writeLock());
    const line = await inLine(scene.looker, who.holds ? 3 : 4);
    await server
      .client()
      .delete()
      .key(line.at(-1)?.key ?? "");
    await eventually(() => passing.error);
    await scene.ahead?.release();
    await compact();
    expect(victim.settled).toBe(who.holds);
    await proxy.restore();
    await eventually(() => victim.value?.held, { what: "its turn" });
    expect([session.signal.aborted, behind.settled]).toEqual([false, false]);
    // it hears of what happens from now on
    await server.client().delete().key(stage.key);
    await eventually(() => victim.value?.signal.aborted, { withinMs: 3_000, what: "the loss" });
    expect(victim.value?.signal.reason).toBeInstanceOf(KeyDeletedError);
    await eventually(() => behind.value?.held);
  },
);

test.for(table)("%s: history is compacted, and nothing else: nothing is lost", async ([, who]) => {
  const { scene, session, victim, behind } = await setUp(who);
  await compact();
  await scene.ahead?.release();
  await eventually(() => victim.value?.held, { what: "its turn" });
  expect([session.signal.aborted, behind.settled]).toEqual([false, false]);
  await victim.value?.release();
  await eventually(() => behind.value?.held);
});

async function compact(): Promise<void> {
  const client = server.client();
  const { header } = await client.put("noise").value("");
  await client.kv.compact({ revision: header.revision, physical: true });
}
