import { appendFileSync } from "node:fs";
import { now } from "../model/clock.js";
import { Random } from "../model/random.js";
import type { FaultRecord } from "../model/record.js";
import { pause } from "../traffic/pause.js";
import type { Fault, Scene } from "./scene.js";

/** Between two faults of a lane, in milliseconds: traffic must have time to recover, and to be seen to. */
const REST: Record<Fault["lane"], [number, number]> = {
  members: [1_500, 3_500],
  clients: [1_000, 3_000],
  operator: [500, 2_500],
};

/**
 * Draws fault after fault, in each lane on its own, until the scene is to stop; each kind comes once before any
 * comes again. What could not be done is told at the end.
 */
export async function campaign(
  scene: Scene,
  faults: readonly Fault[],
  { seed, file }: { seed: string; file: string },
): Promise<string[]> {
  const troubles: string[] = [];
  const lanes = new Set(faults.map(({ lane }) => lane));
  await Promise.all(
    [...lanes].map(async (lane) => {
      const random = new Random(`${seed} ${lane}`);
      const kinds = faults.filter((fault) => fault.lane === lane);
      for (let deck: Fault[] = []; ; ) {
        await pause(random.between(...REST[lane]), scene.stop);
        if (scene.stop.aborted) return;
        if (deck.length === 0) deck = random.shuffled(kinds);
        const fault = deck.pop();
        const trouble = fault && (await inject(fault, scene, random, file));
        if (trouble) troubles.push(trouble);
      }
    }),
  );
  return troubles;
}

/** What the matter was, where it could not be done or healed. */
async function inject(
  fault: Fault,
  scene: Scene,
  random: Random,
  file: string,
): Promise<string | undefined> {
  const { kind } = fault;
  const begin = now();
  try {
    const hit = await fault.strike(scene, random);
    if (!hit) return undefined;
    const record: FaultRecord = { what: "fault", kind, begin, end: now(), ...hit };
    appendFileSync(file, `${JSON.stringify(record)}\n`);
    return undefined;
  } catch (error) {
    return `${kind}: ${error instanceof Error ? error.stack : error}`;
  }
}
