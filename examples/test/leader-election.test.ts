import { type EtcdServer, eventually, startEtcd } from "@etcdkit/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program } from "./program.js";
import { nothing, remainsIn } from "./remains.js";

const TTL_MS = 5_000;

let server: EtcdServer;
beforeAll(async () => {
  server = await startEtcd({ own: true });
});
afterAll(() => server?.stop());

interface Answer {
  address: string;
  fencingToken: string;
  self: boolean;
}

interface Instance {
  program: Program;
  address: string;
}

async function started(count: number): Promise<Instance[]> {
  const programs = Array.from(
    { length: count },
    () => new Program("examples/leader-election", "start", server.endpoints),
  );
  return await Promise.all(
    programs.map(async (program) => {
      const [, address = ""] = await program.printed(/^(\S+) answers/m);
      return { program, address };
    }),
  );
}

async function leaderBy({ address }: Instance): Promise<Answer | undefined> {
  const response = await fetch(`${address}/leader`);
  if (response.ok) {
    const answer = (await response.json()) as Answer;
    expect(answer).toMatchObject(answer.self ? { address } : {});
    return answer;
  }
  expect(response.status).toBe(503);
  await response.text();
  return undefined;
}

/** Once all of them name the same leader, and it `suits`; that one's instance, its answer, and the others. */
async function agreed(instances: Instance[], suits = (_: Answer) => true) {
  const answers = await eventually(
    async () => {
      const answers = await Promise.all(instances.map(leaderBy));
      const [first] = answers;
      const same = answers.every((answer) => answer?.fencingToken === first?.fencingToken);
      const led = answers.some((answer) => answer?.self);
      return first && same && led && suits(first) && answers;
    },
    { withinMs: TTL_MS + 2_000, everyMs: 20, what: "one leader by all instances" },
  );
  const [leader] = instances.filter((_, i) => answers[i]?.self);
  if (!leader || !answers[0]) throw new Error("the leader is none of the instances");
  const others = instances.filter((instance) => instance !== leader);
  return { leader, token: Number(answers[0].fencingToken), others };
}

async function healthOf({ address }: Instance): Promise<string> {
  const response = await fetch(`${address}/healthz`);
  return `${response.status} ${await response.text()}`;
}

test("one of three leads, by the word of each; a killed one is succeeded, one that stops at once", async () => {
  const instances = await started(3);
  const first = await agreed(instances);
  await first.leader.program.printed(new RegExp(`^leads, fencing token ${first.token}$`, "m"));
  for (const instance of instances) expect(await healthOf(instance)).toBe("200 ok\n");
  expect((await fetch(`${first.leader.address}/else`)).status).toBe(404);

  first.leader.program.kill();
  const second = await agreed(first.others, ({ address }) => address !== first.leader.address);
  expect(second.token).toBeGreaterThan(first.token);

  const stopped = performance.now();
  second.leader.program.interrupt("SIGTERM");
  const third = await agreed(second.others, ({ address }) => address !== second.leader.address);
  expect(performance.now() - stopped).toBeLessThan(TTL_MS / 2);
  expect(third.token).toBeGreaterThan(second.token);
  expect(await second.leader.program.exit(), second.leader.program.stderr).toBe(0);
  expect(second.leader.program.stdout).toContain("stopped leading (ended)");

  third.leader.program.interrupt("SIGINT");
  expect(await third.leader.program.exit(), third.leader.program.stderr).toBe(0);
  await third.leader.program.allGone();
  expect(await remainsIn(server)).toEqual(nothing);
});

test("while etcd stands still the leader is not healthy, and the one who waits is", async () => {
  const instances = await started(2);
  const { leader, others } = await agreed(instances);
  const [waits] = others;
  if (!waits) throw new Error("nobody waits");
  await server.pause();
  try {
    await eventually(
      async () => {
        expect(await healthOf(waits)).toBe("200 ok\n");
        return (await healthOf(leader)).startsWith(
          "503 election examples/leader-election: we lead",
        );
      },
      { withinMs: TTL_MS, everyMs: 20, what: "the leader's bad health" },
    );
  } finally {
    server.resume();
  }
  await agreed(instances);
  for (const instance of instances) {
    await eventually(async () => (await healthOf(instance)) === "200 ok\n", { what: "health" });
    instance.program.interrupt("SIGTERM");
  }
  for (const { program } of instances) expect(await program.exit(), program.stderr).toBe(0);
});
