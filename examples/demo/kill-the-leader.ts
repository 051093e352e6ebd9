import { unlessLate } from "./late.js";
import type { Screen } from "./screen.js";
import type { Stage } from "./stage.js";
import { seconds } from "./stopwatch.js";
import type { Report } from "./task.js";

/** A report older than this may tell of a turn that is over. */
const FRESH_NS = 200_000_000n;

/** How long after the kill it was; in milliseconds. */
export interface Succession {
  victim: string;
  /** Undefined: not before it was told dead, which may be where the machine is very busy. */
  suspectedMs: number | undefined;
  diedMs: number;
  heir: string;
  succeededMs: number;
  /** When the next one had the lock, which the victim held too. */
  lockMs: number;
}

/** Kills the leader while it has the lock too; resolves when it is known to be dead, and both have gone to another. */
export async function killTheLeader(
  stage: Stage,
  { screen, ttl, signal }: { screen: Screen; ttl: number; signal: AbortSignal },
): Promise<Succession> {
  const leads = (name: string) => stage.terms.underWay(name) !== undefined;
  const { from: victim } = await stage.reports.next(
    (report) => leads(report.from) && isInMidTurn(report),
    signal,
  );
  const killed = process.hrtime.bigint();
  const after = (at: bigint) => Number(at - killed) / 1e6;
  let suspectedMs: number | undefined;

  return await unlessLate("the death of the leader", signal, async (inTime) => {
    const suspicion = stage.machines.news.next(is(victim, "suspected"), inTime);
    suspicion.then(
      ({ at }) => {
        suspectedMs = after(at);
      },
      () => undefined,
    );
    const [died, leader, holder] = await Promise.all([
      stage.machines.news.next(is(victim, "died"), inTime),
      stage.reports.next(({ from, type }) => from !== victim && type === "leads", inTime),
      stage.reports.next(({ from, type }) => from !== victim && type === "began", inTime),
      stage.kill(victim).then(() => {
        screen.note(
          `${victim}, the leader, was killed with SIGKILL in the middle of a turn at the lock.\n` +
            "The process is gone, but etcd cannot tell dead from slow: only when its leases have\n" +
            `run out, up to the TTL of ${ttl} s after the last renewal, may others lead and have the lock.`,
          "bad",
        );
      }),
    ]);
    const succeededMs = after(leader.at);
    screen.note(`${leader.from} leads ${seconds(succeededMs)} after the kill.`, "good");
    return {
      victim,
      suspectedMs,
      diedMs: after(died.at),
      heir: leader.from,
      succeededMs,
      lockMs: after(holder.at),
    };
  });
}

function is(name: string, what: string) {
  return ({ id, type }: { id: string; type: string }) => id === name && type === what;
}

function isInMidTurn(report: Report): boolean {
  return (
    report.type === "works" && report.done === 3 && process.hrtime.bigint() - report.at < FRESH_NS
  );
}
