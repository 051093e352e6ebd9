import type { Connection } from "@etcdkit/barrier";
import { internals } from "@etcdkit/core/internal";

/** As in `../src/member.ts`. */
const STEP_IN_MS = 250;

export interface StepIns {
  /** How many members of this connection are about to let their round in, since nobody else has. */
  readonly due: number;
  /** Their time has come. */
  now(): void;
}

/** Members of this connection that see a full round wait for `now` instead of a quarter of a second. */
export function stepIns(etcd: Connection): StepIns {
  const { clock } = internals(etcd);
  const setTimer = clock.setTimer.bind(clock);
  const due = new Set<() => void>();
  clock.setTimer = (ms, run) => {
    if (ms !== STEP_IN_MS) return setTimer(ms, run);
    due.add(run);
    return { cancel: () => void due.delete(run) };
  };
  return {
    get due() {
      return due.size;
    },
    now: () => {
      for (const run of due) run();
      due.clear();
    },
  };
}
