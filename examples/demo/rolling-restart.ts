import { unlessLate } from "./late.js";
import type { Screen } from "./screen.js";
import type { Stage } from "./stage.js";

interface Surroundings {
  screen: Screen;
  signal: AbortSignal;
  /** Starts the instance of that name anew. */
  start(name: string): void;
}

/** Stops and starts one after the other. Resolves with the time at which it began. */
export async function rollingRestart(
  stage: Stage,
  names: readonly string[],
  around: Surroundings,
): Promise<bigint> {
  const { screen, signal } = around;
  const began = process.hrtime.bigint();
  screen.note(
    "Now a rolling restart: each is stopped with SIGTERM and started anew. The leader resigns,\n" +
      "so that the next one leads at once, and whoever stops says goodbye.",
    "title",
  );
  for (const name of names) {
    await unlessLate(`the goodbye of ${name}`, signal, async (inTime) => {
      const goodbye = stage.machines.news.next(
        ({ id, type }) => id === name && type === "left",
        inTime,
      );
      await Promise.all([goodbye, stage.leave(name)]);
    });
    await startAnew(stage, name, around);
  }
  return began;
}

/** Resolves when it is seen to be alive, and has had a turn. */
export async function startAnew(
  stage: Stage,
  name: string,
  { start, signal }: Surroundings,
): Promise<void> {
  await unlessLate(`a turn of ${name}, started anew`, signal, async (inTime) => {
    const joined = stage.machines.news.next(
      ({ id, type }) => id === name && type === "joined",
      inTime,
    );
    const turn = stage.reports.next(({ from, type }) => from === name && type === "ended", inTime);
    start(name);
    await Promise.all([joined, turn]);
  });
}
