import type { Program } from "@etcdkit/test-support/program";
import { eventually, testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { type ActorMessage, giveWord, type Step, said, startActor } from "./actor.js";
import { endLeases, membersOf, present } from "./gather.js";
import { goRounds } from "./go-rounds.js";

test("ten in five processes, twenty rounds: nobody is in before all have come, nor out before all went", async () => {
  const name = `${testPrefix()}double`;
  const rounds = await goRounds(name, { processes: 5, members: 2, rounds: 20 });
  for (const round of rounds) {
    expect(round).toHaveLength(10);
    const lastCame = Math.max(...round.map(({ cameAtMs }) => cameAtMs));
    const firstIn = Math.min(...round.map(({ enteredAtMs }) => enteredAtMs));
    expect(firstIn).toBeGreaterThan(lastCame);
    const lastWent = Math.max(...round.map(({ wentAtMs }) => wentAtMs));
    const firstOut = Math.min(...round.map(({ leftAtMs }) => leftAtMs));
    expect(firstOut).toBeGreaterThan(lastWent);
  }
  expect(await testClient().getAll().prefix(name).keys()).toEqual([]);
}, 60_000);

// processes are slow to start where much else is under way
const PATIENCE_MS = 60_000;

test("ten in five processes, one killed before it is full, one after, and an eleventh refused: all others enter and leave", async () => {
  const name = `${testPrefix()}double`;
  const steps: Step[] = ["enter", "a word", "leave"];
  const actors: Program<ActorMessage>[] = [];
  const start = () => {
    const actor = startActor({ name, steps, ttl: 20, count: 10, members: 2 });
    actors.push(actor);
    return actor;
  };
  const die = async (actor: Program<ActorMessage>, keys: readonly string[]) => {
    actor.process.kill("SIGKILL");
    await actor.ended;
    await endLeases(keys);
  };
  const done = (step: Step) =>
    actors
      .flatMap(({ messages }) => messages)
      .filter((message) => message.step === step && message.what === "done").length;
  const stay = [start(), start(), start()];
  await present(name, 6, PATIENCE_MS);
  const early = start();
  await die(early, (await present(name, 8, PATIENCE_MS)).slice(-2));
  stay.push(start());
  await present(name, 8, PATIENCE_MS);
  expect(done("enter")).toBe(0);
  const late = start();
  await eventually(() => done("enter") === 10, { withinMs: PATIENCE_MS });
  const eleventh = startActor({ name, steps: ["enter"], ttl: 20, count: 10 });
  expect(await said(eleventh, "enter")).toBe("TOO_MANY");
  const ten = await membersOf(name);
  expect(ten).toHaveLength(10);
  await die(late, ten.slice(-2));
  for (const actor of stay) giveWord(actor);
  await eventually(() => done("leave") === 8, { withinMs: PATIENCE_MS });
  expect(await membersOf(name)).toEqual([]);
}, 120_000);
