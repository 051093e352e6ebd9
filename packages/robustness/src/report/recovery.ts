import { grouped } from "../model/grouped.js";
import type { FaultRecord, Micros } from "../model/record.js";
import type { Operation, Run } from "../model/run.js";

/** How long after a fault had begun each client that it did not hit got something done that it began after it. */
export interface Recovery {
  readonly fault: FaultRecord;
  /** Undefined: one of them never did. */
  readonly us: Micros | undefined;
  /** How long the run still went on after the fault was healed. */
  readonly watchedUs: Micros;
}

/**
 * By the lock that each client has for itself, which waits for nobody but etcd; a client that was frozen or killed meanwhile is left
 * out. For a fault of a client it is the client that was hit, from its healing on: of a killed one, its replacement, once it has
 * started.
 */
export function recoveries({ operations, faults }: Run): Recovery[] {
  const probes = operations.filter(
    ({ kind, name, end }) => kind === "mutex lock" && name.includes("/probe/") && end,
  );
  const bySlot = grouped(probes, ({ process }) => slotOf(process));
  const hits = grouped(faults, ({ target }) => slotOf(target));
  const lastSign = probes.reduce((last, { end }) => Math.max(last, end?.at ?? 0), 0);
  return faults.flatMap((fault) => {
    // that keys are taken away is no outage
    if (fault.deleted || fault.revoked !== undefined) return [];
    const hit = slotOf(fault.target);
    const from = bySlot.has(hit) ? fault.end : fault.begin;
    const waits = [...bySlot].flatMap(([slot, own]) => {
      if (bySlot.has(hit) && slot !== hit) return [];
      const done = firstDone(own, from) ?? Number.POSITIVE_INFINITY;
      const also = hits
        .get(slot)
        ?.some((one) => one !== fault && one.begin < done && one.end > from);
      return also ? [] : [done - from];
    });
    if (waits.length === 0) return [];
    const us = Math.max(...waits);
    return [{ fault, us: Number.isFinite(us) ? us : undefined, watchedUs: lastSign - fault.end }];
  });
}

/** Begun after `from`, and done. */
function firstDone(probes: readonly Operation[], from: Micros): Micros | undefined {
  return probes.find(({ at, end }) => at >= from && end?.outcome === "done")?.end?.at;
}

/** `client-2` of `client-2.1`. */
function slotOf(process: string): string {
  return process.replace(/\.\d+$/, "");
}
