import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
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
