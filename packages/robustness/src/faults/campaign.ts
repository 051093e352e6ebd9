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

/** Draws fault after fault, in each lane on its own, until the scene is to stop; each kind comes once before any comes again. */
export async function campaign(
  scene: Scene,
  faults: readonly Fault[],
  { seed, file }: { seed: string; file: string },
): Promise<void> {
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
        if (fault) await inject(fault, scene, random, file);
      }
    }),
  );
}

async function inject(fault: Fault, scene: Scene, random: Random, file: string): Promise<void> {
  const { kind } = fault;
  const begin = now();
  const hit = await fault.strike(scene, random);
  const record: FaultRecord = { what: "fault", kind, begin, end: now(), ...hit };
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}
