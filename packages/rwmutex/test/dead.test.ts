import type { Holding } from "@etcdkit/rwmutex";
import { eventually } from "@etcdkit/testing";
import { sharedEtcd } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { inLine } from "./in-line.js";
import type { Outcome } from "./outcome.js";
import { type Scene, setTheScene, type Who, whos } from "./scene.js";
import { heard, startVictim, type Victim } from "./victim.js";

// A process dies, or stands still for longer than its session lasts.

const TTL = 2;

const table = whos.map((who) => [who.who, who] as const);

async function setUp(who: Who) {
  const scene = await setTheScene(who);
  const hosts = sharedEtcd().endpoints;
  const victim = startVictim({ hosts, name: scene.name, ttl: TTL, kind: who.kind });
  await heard(victim, who.holds ? "holding" : "asking");
  const behind = await scene.askBehind();
  expect(behind.settled).toBe(false);
  return { scene, victim, behind };
}

test.for(table)(
  "%s is killed: its key goes with its lease, and the next one comes in",
  async ([, who]) => {
    const { scene, victim, behind } = await setUp(who);
    victim.process.kill("SIGKILL");
    await victim.ended;
    const since = performance.now();
    await comesIn(scene, behind);
    const afterMs = performance.now() - since;
    // its last renewal was at most a third of the TTL before; etcd sweeps expired leases each 500 ms
    expect(afterMs).toBeGreaterThan((TTL * 2_000) / 3 - 200);
    expect(afterMs).toBeLessThan(TTL * 1_000 + 1_500);
  },
);

test.for(table)(
  "%s is frozen past its TTL: the next one comes in, and it knows when it wakes",
  async ([, who]) => {
    const { scene, victim, behind } = await setUp(who);
    if (who.holds) {
      victim.process.kill("SIGUSR2");
      await heard(victim, "ready to freeze");
    }
    victim.process.kill("SIGSTOP");
    // its turn, by etcd: what it reads first when it wakes
    await scene.ahead?.release();
    await comesIn(scene, behind);
    const said = victim.messages.length;
    victim.process.kill("SIGCONT");
    await knows(victim, who);
    expect(victim.messages).toHaveLength(said + 1);
    expect(behind.value?.held).toBe(true);
    await behind.value?.release();
    await inLine(scene.looker, 0);
  },
);

async function knows(victim: Victim, { holds }: Who): Promise<void> {
  const lost = "SessionExpiredError";
  if (!holds) return expect(await heard(victim, "rejected")).toMatchObject({ reason: lost });
  const look = await heard(victim, "first look");
  expect(look).toMatchObject({ held: false, reason: lost, guard: lost });
}

/** Who is behind a writer who waits comes in although a reader holds; everybody else needs the place of who is ahead too. */
async function comesIn({ ahead, kind, looker }: Scene, behind: Outcome<Holding>): Promise<void> {
  if (ahead?.held && kind === "read") {
    await inLine(looker, 2);
    expect(behind.settled).toBe(false);
    await ahead.release();
  }
  await eventually(() => behind.value?.held, { what: "the next one" });
}
